import type { Freshness } from './freshness';
import type { Frame } from './frame';
import type { History } from './history';
import { parsePrice } from './price';
import { MARK_KINDS } from '../wire/generated/facts';
import { markText, type MarkKind } from './tools/marks';

/** What is watched for. Prices are decimals as they are typed. */
export type Rule =
  | { kind: 'bullish' }
  | { kind: 'bearish' }
  /** A bin with a mark of this kind. */
  | { kind: MarkKind }
  | { kind: 'above'; price: string }
  | { kind: 'below'; price: string }
  /** Nothing live for so many seconds; a pause of the user's own does not count. */
  | { kind: 'stale'; seconds: number };

/** One time that a rule came true. */
export interface Alert {
  text: string;
  /** When, unix ms: of the market, of a stale stream that of the page. */
  atMs: number;
}

/** What is kept between two visits. */
export interface KeptAlerts {
  rules: Rule[];
  alerts: Alert[];
  sound: boolean;
}

export const NO_ALERTS: KeptAlerts = { rules: [], alerts: [], sound: false };

const MOST_RULES = 20;
const MOST_ALERTS = 50;
/** Not live, and no reason for an alert. */
const WANTED: readonly string[] = ['Paused', 'Ended', 'Waiting'];

const MARK_RULES: Readonly<Record<MarkKind, string>> = {
  iceberg: 'An iceberg is refreshed',
  sweep: 'A sweep',
  large: 'A large trade or order',
  pull: 'A large order is pulled',
};

/** A rule in words. */
export function ruleText(rule: Rule): string {
  switch (rule.kind) {
    case 'bullish':
    case 'bearish':
      return `Signal turns ${rule.kind}`;
    case 'above':
    case 'below':
      return `Mid goes ${rule.kind} ${rule.price}`;
    case 'stale':
      return `Nothing live for ${rule.seconds} s`;
    default:
      return MARK_RULES[rule.kind];
  }
}

/** A rule from what was typed, or why it is none. */
export function makeRule(kind: string, typed: string): Rule | { problem: string } {
  const text = typed.trim().replaceAll(',', '');
  if (kind === 'bullish' || kind === 'bearish') return { kind };
  const mark = MARK_KINDS.find((one) => one === kind);
  if (mark !== undefined) return { kind: mark };
  if (kind === 'stale') {
    const seconds = Number(text);
    return text !== '' && seconds >= 1 && seconds <= 3600
      ? { kind, seconds }
      : { problem: `"${typed}" is not a number of seconds from 1 to 3600.` };
  }
  if (kind !== 'above' && kind !== 'below') return { problem: `There is no rule "${kind}".` };
  try {
    parsePrice(text);
  } catch {
    return { problem: `"${typed}" is not a price such as 5978.25.` };
  }
  return { kind, price: text };
}

/** Reads what was kept; what is not understood is left out. */
export function parseKept(text: string | null): KeptAlerts {
  let kept: Partial<KeptAlerts> | null;
  try {
    kept = JSON.parse(text ?? 'null') as Partial<KeptAlerts> | null;
  } catch {
    return NO_ALERTS;
  }
  if (typeof kept !== 'object' || kept === null) return NO_ALERTS;
  const rules = (Array.isArray(kept.rules) ? kept.rules : []).flatMap((rule: unknown) => {
    const { kind, price, seconds } = (rule ?? {}) as Record<string, unknown>;
    const made = makeRule(String(kind), typeof price === 'string' ? price : String(seconds));
    return 'problem' in made ? [] : [made];
  });
  const alerts = (Array.isArray(kept.alerts) ? kept.alerts : []).filter(
    (alert: unknown): alert is Alert => {
      const { text: said, atMs } = (alert ?? {}) as Record<string, unknown>;
      return typeof said === 'string' && typeof atMs === 'number' && Number.isFinite(atMs);
    },
  );
  return {
    rules: rules.slice(0, MOST_RULES),
    alerts: alerts.slice(0, MOST_ALERTS),
    sound: kept.sound === true,
  };
}

/** What was seen of one stream. */
class Watched {
  seen: number | null = null;
  /** The last bin that was seen with a valid book: only such bins have a price to compare. */
  priced: Frame | undefined;
  staleSinceMs: number | null = null;
  /** Stale rules that have been told of since the stream was last live. */
  readonly told = new Set<Rule>();
}

/** Watches the bins that come, and whether they come, for what the user wants to be told. */
export class AlertWatch {
  /** Grows with every change. */
  revision = 0;
  private readonly watched = new WeakMap<object, Watched>();

  constructor(private kept: KeptAlerts) {}

  get state(): KeptAlerts {
    return this.kept;
  }

  /** @returns false when there are as many rules as can be kept. */
  add(rule: Rule): boolean {
    const { rules } = this.kept;
    if (rules.length >= MOST_RULES) return false;
    if (!rules.some((other) => ruleText(other) === ruleText(rule)))
      this.change({ rules: [...rules, rule] });
    return true;
  }

  remove(rule: Rule): void {
    this.change({ rules: this.kept.rules.filter((other) => other !== rule) });
  }

  clear(): void {
    this.change({ alerts: [] });
  }

  setSound(sound: boolean): void {
    this.change({ sound });
  }

  /** The chart has another stream: what was of the one before says nothing. */
  forget(chart: object = this): void {
    this.watched.delete(chart);
  }

  /**
   * Looks at the bins that came since the last call; each rule is told of at most once for each time that it comes true.
   *
   * @param nowMs of the page's clock. @param unixMs the same as unix time.
   * @param chart what shows the stream. @param name of the stream, where there are several.
   * @returns the new alerts, oldest first.
   */
  observe(
    history: History | null,
    freshness: Freshness,
    nowMs: number,
    unixMs: number,
    chart: object = this,
    name = '',
  ): readonly Alert[] {
    const watched = this.watched.get(chart) ?? new Watched();
    this.watched.set(chart, watched);
    const found = [
      ...this.ofBins(watched, history),
      ...this.ofSilence(watched, freshness, nowMs, unixMs),
    ];
    const fresh =
      name === '' ? found : found.map((one) => ({ ...one, text: `${name}: ${one.text}` }));
    if (fresh.length > 0)
      this.change({ alerts: [...fresh].reverse().concat(this.kept.alerts).slice(0, MOST_ALERTS) });
    return fresh;
  }

  private ofBins(watched: Watched, history: History | null): Alert[] {
    if (history === null || history.empty) return [];
    const { head } = history;
    const from = watched.seen;
    watched.seen = head;
    // After a seek there is no bin before to compare with.
    if (from === null || head <= from || history.at(from) === undefined) {
      watched.priced = history.newest?.valid === true ? history.newest : undefined;
      return [];
    }
    const alerts: Alert[] = [];
    let before = history.at(from);
    for (let seq = from + 1; seq <= head; seq += 1) {
      const frame = history.at(seq);
      if (frame === undefined) continue;
      for (const rule of this.kept.rules) {
        const compared = rule.kind === 'above' || rule.kind === 'below' ? watched.priced : before;
        if (compared !== undefined && becameTrue(rule, compared, frame))
          alerts.push({ text: alertText(rule, frame), atMs: frame.startMs });
      }
      before = frame;
      if (frame.valid) watched.priced = frame;
    }
    return alerts;
  }

  private ofSilence(
    watched: Watched,
    { live, word }: Freshness,
    nowMs: number,
    unixMs: number,
  ): Alert[] {
    if (live || WANTED.includes(word) || watched.seen === null) {
      watched.staleSinceMs = null;
      watched.told.clear();
      return [];
    }
    watched.staleSinceMs ??= nowMs;
    const silentMs = nowMs - watched.staleSinceMs;
    return this.kept.rules.flatMap((rule) => {
      if (rule.kind !== 'stale' || silentMs < rule.seconds * 1000 || watched.told.has(rule))
        return [];
      watched.told.add(rule);
      return [{ text: `${ruleText(rule)}: ${word}`, atMs: unixMs }];
    });
  }

  private change(to: Partial<KeptAlerts>): void {
    this.kept = { ...this.kept, ...to };
    this.revision += 1;
  }
}

/** What is told: of a mark, what happened. */
function alertText(rule: Rule, frame: Frame): string {
  const mark = frame.marks.find(({ kind }) => kind === rule.kind);
  return mark === undefined ? ruleText(rule) : markText(mark);
}

function becameTrue(rule: Rule, before: Frame, frame: Frame): boolean {
  const state = frame.update.signal.state ?? 0;
  const stateBefore = before.update.signal.state ?? 0;
  switch (rule.kind) {
    case 'bullish':
      return state > 0 && stateBefore <= 0;
    case 'bearish':
      return state < 0 && stateBefore >= 0;
    case 'above':
    case 'below': {
      if (!frame.valid) return false;
      // Twice the mid, so that it stays whole.
      const level = 2n * parsePrice(rule.price);
      const sign = rule.kind === 'above' ? 1n : -1n;
      return sign * (twiceMid(frame) - level) > 0n && sign * (twiceMid(before) - level) <= 0n;
    }
    case 'stale':
      return false;
    default:
      return frame.marks.some(({ kind }) => kind === rule.kind);
  }
}

function twiceMid({ update }: Frame): bigint {
  return BigInt(update.best_bid_price_int) + BigInt(update.best_ask_price_int);
}
