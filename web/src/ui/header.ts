import { formatClock, formatDate } from '../state/clock';
import { cssGradient } from '../render/colormap';
import { PALETTE } from '../render/palette';
import { MODES, modeOf, type ModeId } from '../state/modes';
import { count, significant } from '../state/format';
import { formatAge, type Freshness } from '../state/freshness';
import type { SessionState } from '../state/session';
import { SPEEDS, speedText } from '../state/speed';
import type { Store } from '../state/store';
import { answersHistory } from '../wire/types';
import { byId, make, setData, setText } from './elements';

/** What the user can do in the header. */
export interface HeaderActions {
  mode(mode: ModeId): void;
  speed(value: number): void;
}

/** The bar at the top and the map's toolbar: instrument, clock, serving, connection, colour mode. */
export class Header {
  private readonly symbol = byId('symbol', HTMLElement);
  private readonly clock = byId('bin-clock', HTMLElement);
  private readonly date = byId('bin-date', HTMLElement);
  private readonly serving = byId('serving', HTMLSelectElement);
  private readonly pill = byId('connection', HTMLElement);
  private readonly pillText = byId('connection-text', HTMLElement);
  private readonly lateness = byId('lateness', HTMLElement);
  private readonly retry = byId('retry', HTMLButtonElement);
  private readonly play = byId('play', HTMLButtonElement);
  private readonly transport = [
    ...document.querySelectorAll<HTMLButtonElement | HTMLInputElement | HTMLSelectElement>(
      '.transport :is(button, input, select)',
    ),
  ];
  private readonly modeButtons = new Map<ModeId, HTMLButtonElement>();
  private readonly ramp = byId('legend-ramp', HTMLElement);
  /** What the legend is of. */
  private legendOf = '';
  private offered = '';

  private readonly speed = byId('speed', HTMLSelectElement);

  constructor(actions: HeaderActions) {
    const modes = byId('modes', HTMLElement);
    MODES.forEach((mode, index) => {
      const button = make('button', mode.label);
      button.type = 'button';
      button.title = `${mode.hint} (${index + 1})`;
      button.setAttribute('role', 'radio');
      button.addEventListener('click', () => {
        actions.mode(mode.id);
      });
      modes.append(button);
      this.modeButtons.set(mode.id, button);
    });
    moveByArrows(modes);
    this.speed.append(...SPEEDS.map((speed) => new Option(speedText(speed), String(speed))));
    this.speed.addEventListener('change', () => {
      actions.speed(Number(this.speed.value));
    });
  }

  draw(store: Store, freshness: Freshness, nowMs: number): void {
    const { session } = store;
    const symbol = session.config?.config.symbol ?? '–';
    setText(this.symbol, symbol);
    const title = session.config === null ? 'Spymaster' : `${symbol} · Spymaster`;
    // Also where only the tab's name is seen.
    const named =
      freshness.live || session.config === null ? title : `${freshness.word} · ${title}`;
    if (document.title !== named) document.title = named;
    const newest = store.stream?.history.newest;
    setText(this.clock, newest ? formatClock(newest.endMs, 'millis') : '--:--:--.---');
    setText(this.date, newest ? `${formatDate(newest.endMs)} New York` : 'New York');
    this.drawConnection(session, freshness, nowMs);
    this.drawServings(session);
    this.drawMode(store);
    for (const control of this.transport) control.disabled = store.stream === null;
    this.speed.hidden = session.config !== null && !answersHistory(session.config);
    const speed = String(store.speed ?? '');
    if (this.speed.value !== speed && document.activeElement !== this.speed)
      this.speed.value = speed;
  }

  private drawConnection(session: SessionState, freshness: Freshness, nowMs: number): void {
    const { live, word, latenessMs } = freshness;
    setText(this.pillText, connectionText(session, freshness, nowMs));
    setData(this.pill, 'phase', live ? 'live' : session.phase);
    setData(this.pill, 'word', word);
    setText(this.lateness, latenessMs === null ? '– late' : `${count(latenessMs)} ms late`);
    this.retry.hidden = session.phase !== 'retrying';
    setData(this.play, 'paused', session.paused ? '' : null);
    const label = session.paused ? 'Play' : 'Pause';
    if (this.play.getAttribute('aria-label') !== label) {
      this.play.setAttribute('aria-label', label);
      this.play.title = `${label} (space)`;
    }
  }

  private drawServings({ serving, choices }: SessionState): void {
    const names = [
      ...new Set([...choices.map((choice) => choice.name), ...(serving ? [serving] : [])]),
    ];
    const key = `${names.join('\n')}\n${serving ?? ''}`;
    if (key === this.offered) return;
    this.offered = key;
    this.serving.replaceChildren(
      ...names.map((name) => new Option(name, name, false, name === serving)),
    );
    this.serving.disabled = names.length < 2;
    if (serving === null) this.serving.selectedIndex = -1;
  }

  private drawMode(store: Store): void {
    const mode = modeOf(store.view.mode);
    const legend = `${PALETTE.theme} ${mode.id}`;
    if (this.legendOf !== legend) {
      this.legendOf = legend;
      this.ramp.style.background = cssGradient(mode.kind, mode.half);
      for (const [id, button] of this.modeButtons) {
        button.setAttribute('aria-checked', String(id === mode.id));
        button.tabIndex = id === mode.id ? 0 : -1;
      }
    }
    const range = significant(store.rangeOf(mode.id), 1);
    const [low, high] = mode.ends;
    const numbered = mode.kind !== 'states';
    const unsigned = mode.kind === 'sides' || mode.half !== undefined;
    const [lowNumber, highNumber] = [
      mode.half === 'high' ? '0' : range,
      mode.half === 'low' ? '0' : range,
    ];
    const lowText = `${low} ${unsigned ? '' : '−'}${lowNumber}`.trim();
    setText(byId('legend-low', HTMLElement), numbered ? lowText : low);
    setText(byId('legend-high', HTMLElement), numbered ? `${highNumber} ${high}`.trim() : high);
  }
}

const ARROWS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
};

/** Lets the arrow keys choose among the radio buttons of a group, around its ends. */
function moveByArrows(group: HTMLElement): void {
  group.addEventListener('keydown', (event) => {
    const step = ARROWS[event.key];
    const radios = [...group.querySelectorAll<HTMLButtonElement>('[role=radio]')];
    const at = radios.findIndex((radio) => radio === document.activeElement);
    if (step === undefined || at < 0) return;
    event.preventDefault();
    const next = radios[(at + step + radios.length) % radios.length];
    next?.focus();
    next?.click();
  });
}

function connectionText(session: SessionState, freshness: Freshness, nowMs: number): string {
  const { phase, retryAtMs } = session;
  if (phase === 'connecting') return 'Connecting';
  if (phase === 'retrying') {
    const seconds = Math.ceil(Math.max((retryAtMs ?? nowMs) - nowMs, 0) / 1000);
    return `Not connected · retry in ${seconds} s`;
  }
  const { live, word, ageMs } = freshness;
  return live || ageMs === null ? word : `${word} · ${formatAge(ageMs)}`;
}
