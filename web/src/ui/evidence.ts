import { fixed, NONE, signed, significant } from '../state/format';
import type { Store } from '../state/store';
import { fetchEvidence, reportUrl, type Evidence } from '../wire/evidence';
import { byId, setData, setText } from './elements';

/** What was found out about the signal that is served; asked for once for a run and a threshold. */
export class EvidenceCard {
  private readonly verdict = byId('evidence-verdict', HTMLElement);
  private readonly link = byId('evidence-report', HTMLAnchorElement);
  private asked = '';

  draw({ session, stream }: Store): void {
    const run = session.config?.serving.source_run;
    const threshold = stream?.history.newest?.update.signal.threshold;
    if (run === undefined || threshold === undefined) return;
    const key = `${run} ${threshold}`;
    if (key === this.asked) return;
    this.asked = key;
    this.show(null);
    this.link.href = reportUrl(run, threshold);
    void fetchEvidence(run, threshold).then((evidence) => {
      if (this.asked === key) this.show(evidence);
    });
  }

  private show(evidence: Evidence | null): void {
    this.link.hidden = evidence === null;
    setText(this.verdict, evidence?.verdict ?? 'unknown');
    setData(this.verdict, 'tone', evidence?.verdict === 'proven' ? 'good' : 'warn');
    this.verdict.title = evidence?.doubt ?? '';
    setText(byId('evidence-rate', HTMLElement), evidence === null ? NONE : rateText(evidence));
    setText(
      byId('evidence-signals', HTMLElement),
      evidence === null ? NONE : fixed(evidence.signals, 0),
    );
    const net = evidence?.netTicks ?? null;
    setText(byId('evidence-net', HTMLElement), net === null ? NONE : `${signed(net, 2)} ticks`);
    const p = evidence?.pCorrected ?? null;
    const trials = evidence?.trials ?? null;
    const text =
      p === null ? NONE : `${significant(p, 2)}${trials === null ? '' : ` of ${trials} trials`}`;
    setText(byId('evidence-p', HTMLElement), text);
    setText(byId('evidence-doubt', HTMLElement), evidence?.doubt ?? '');
  }
}

function rateText({ rate, rateLow, rateHigh }: Evidence): string {
  const percent = (share: number): string => fixed(100 * share, 0);
  return `${percent(rate)} % (${percent(rateLow)} to ${percent(rateHigh)})`;
}
