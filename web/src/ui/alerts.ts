import { formatClock } from '../state/clock';
import { AlertWatch, makeRule, parseKept, ruleText, type Alert } from '../state/alerts';
import type { Store, Stream } from '../state/store';
import { byId, make, setText } from './elements';

const KEY = 'spymaster.alerts';
const FLASH_MS = 900;
/** The sound: two short tones, Hz and seconds. */
const TONES = [880, 1175] as const;
const TONE_S = 0.12;
/** Kinds of rules that need a number, and what it is. */
const ASKS: Readonly<Record<string, string>> = {
  above: 'Price',
  below: 'Price',
  stale: 'Seconds',
};

/** The card with the rules, and with what they have told of. */
export class AlertCard {
  private readonly watch = new AlertWatch(parseKept(window.localStorage.getItem(KEY)));
  private readonly kind = byId('alert-kind', HTMLSelectElement);
  private readonly value = byId('alert-value', HTMLInputElement);
  private readonly problem = byId('alert-problem', HTMLElement);
  private readonly sound = byId('alert-sound', HTMLInputElement);
  private readonly rules = byId('alert-rules', HTMLElement);
  private readonly list = byId('alert-list', HTMLElement);
  private readonly flash = byId('flash', HTMLElement);
  private shown = -1;
  private readonly streams = new WeakMap<Store, Stream | null>();
  private flashing: number | undefined;
  private audio: AudioContext | null = null;

  constructor() {
    const ask = (): void => {
      const asked = ASKS[this.kind.value];
      this.value.hidden = asked === undefined;
      this.value.placeholder = asked ?? '';
      this.value.setAttribute('aria-label', asked ?? 'Value');
      this.problem.hidden = true;
    };
    this.kind.addEventListener('change', ask);
    ask();
    this.render();
    byId('alert-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.addRule();
    });
    this.sound.checked = this.watch.state.sound;
    this.sound.addEventListener('change', () => {
      this.watch.setSound(this.sound.checked);
      // Browsers allow sound only after a hand has asked for it.
      if (this.sound.checked) this.play();
    });
    byId('alert-clear', HTMLButtonElement).addEventListener('click', () => {
      this.watch.clear();
      this.render();
    });
  }

  /** Whether there is anything to tell of. */
  get watches(): boolean {
    return this.watch.state.rules.length > 0;
  }

  private addRule(): void {
    const rule = makeRule(this.kind.value, this.value.value);
    const problem =
      'problem' in rule
        ? rule.problem
        : this.watch.add(rule)
          ? ''
          : 'There are as many rules as can be kept; remove one first.';
    setText(this.problem, problem);
    this.problem.hidden = problem === '';
    if (problem === '') this.value.value = '';
    this.render();
  }

  /**
   * Looks at what came, and tells of it. Charts of one serving tell the same: the first of them is heard.
   *
   * @param charts what is known of the stream of each.
   */
  draw(charts: readonly Store[], nowMs: number): void {
    const servings = new Set(charts.map(({ session }) => session.serving));
    for (const serving of servings) {
      const chart = charts.find(({ session }) => session.serving === serving);
      if (chart !== undefined) this.hear(chart, nowMs, servings.size > 1 ? (serving ?? '') : '');
    }
    this.render();
  }

  private hear(chart: Store, nowMs: number, name: string): void {
    const { stream } = chart;
    if (stream !== this.streams.get(chart)) this.watch.forget(chart);
    this.streams.set(chart, stream);
    const history = stream?.history ?? null;
    const freshness = chart.freshness(nowMs);
    const fresh = this.watch.observe(history, freshness, nowMs, Date.now(), chart, name);
    if (fresh.length > 0) this.tell(fresh);
  }

  private render(): void {
    if (this.shown === this.watch.revision) return;
    this.shown = this.watch.revision;
    const { rules, alerts } = this.watch.state;
    window.localStorage.setItem(KEY, JSON.stringify(this.watch.state));
    this.rules.replaceChildren(
      ...rules.map((rule) => {
        const row = make('li');
        const remove = make('button', '×', 'plain');
        remove.type = 'button';
        remove.setAttribute('aria-label', `Remove: ${ruleText(rule)}`);
        remove.addEventListener('click', () => {
          this.watch.remove(rule);
          this.render();
        });
        row.append(make('span', ruleText(rule)), remove);
        return row;
      }),
    );
    this.list.replaceChildren(...alerts.map(rowOf));
  }

  private tell(fresh: readonly Alert[]): void {
    const text = fresh.at(-1)?.text ?? '';
    setText(this.flash, text);
    // A tab in the background has its name alone to tell by; the next picture of the page gives it back.
    if (document.hidden) document.title = text;
    this.flash.hidden = false;
    window.clearTimeout(this.flashing);
    this.flashing = window.setTimeout(() => {
      this.flash.hidden = true;
    }, FLASH_MS);
    if (this.watch.state.sound) this.play();
  }

  private play(): void {
    this.audio ??= new AudioContext();
    const { audio } = this;
    TONES.forEach((hertz, index) => {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      volume.gain.value = 0.15;
      tone.frequency.value = hertz;
      tone.connect(volume).connect(audio.destination);
      tone.start(audio.currentTime + index * TONE_S);
      tone.stop(audio.currentTime + (index + 1) * TONE_S);
    });
  }
}

function rowOf({ text, atMs }: Alert): HTMLElement {
  const row = make('li');
  const time = make('time', formatClock(atMs, 'seconds'));
  time.dateTime = new Date(atMs).toISOString();
  row.append(time, make('span', text));
  return row;
}
