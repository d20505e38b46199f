import { firstLink } from './opening';
import { Pane } from './pane';
import { MODES } from './state/modes';
import { MOST_PANES, type Shown } from './state/panes';
import type { Place } from './state/place';
import { stepSpeed } from './state/speed';
import { byId, partOf, setData } from './ui/elements';
import type { StreamLink } from './wire/link';

export interface PanesActions {
  /** Another chart is the one that the controls are of, or what is shown changed otherwise. */
  changed(): void;
  /** Something came while the page is hidden. */
  unseen(pane: Pane): void;
}

/**
 * The charts beside one another. One is active: the controls and the panel are of it. What moves a replay moves all
 * charts of the active one's serving.
 */
export class Panes {
  private readonly grid = byId('panes', HTMLElement);
  private readonly addButton = byId('pane-add', HTMLButtonElement);
  private readonly stackButton = byId('pane-stack', HTMLButtonElement);
  /** The markup of a chart, without ids. */
  private readonly pristine: HTMLElement;
  private all: readonly Pane[];
  private current: Pane;
  private isStacked = false;

  /** @param opening what an address names, shown by {@link show}: its first chart has begun to connect. */
  constructor(
    private readonly actions: PanesActions,
    opening: Shown,
  ) {
    const first = partOf(this.grid, 'pane', HTMLElement);
    this.pristine = first.cloneNode(true) as HTMLElement;
    for (const element of this.pristine.querySelectorAll('[id]')) element.removeAttribute('id');
    this.current = this.make(first, firstLink, opening.places[0]);
    this.all = [this.current];
    this.addButton.addEventListener('click', () => {
      this.add();
    });
    this.stackButton.addEventListener('click', () => {
      this.stack(!this.isStacked);
    });
    this.mark();
  }

  get active(): Pane {
    return this.current;
  }

  get list(): readonly Pane[] {
    return this.all;
  }

  /** How many bins the charts have drawn. */
  get drawn(): number {
    return this.all.reduce((sum, { stage }) => sum + stage.drawn, 0);
  }

  get shown(): Shown {
    return {
      places: this.all.map(({ place }) => place),
      active: this.all.indexOf(this.current),
      stacked: this.isStacked,
    };
  }

  /** Shows what an address names; the one chart there is from the beginning becomes one of them. */
  show({ places, active, stacked }: Shown): void {
    this.isStacked = stacked;
    places.forEach((place, index) => {
      const pane = this.all[index] ?? this.append();
      pane.look(place);
      const connected = index === 0 && pane.store.session.serving === place.serving;
      if (place.serving !== null && !connected) pane.choose(place.serving, place);
    });
    this.activate(this.all[active] ?? this.current);
    this.mark();
  }

  /** One more chart of the same serving and moment, in the next colours; it becomes the active one. */
  add(): void {
    if (this.all.length >= MOST_PANES) return;
    const { place, store } = this.current;
    const taken = new Set(this.all.map((pane) => pane.store.view.mode));
    const mode = (MODES.find(({ id }) => !taken.has(id)) ?? MODES[0])?.id ?? null;
    const pane = this.append();
    pane.store.act({ kind: 'offer', choices: store.session.choices });
    pane.look({ ...place, mode });
    if (place.serving !== null) pane.choose(place.serving, place);
    this.activate(pane);
  }

  /** The last one stays. */
  close(pane: Pane): void {
    if (this.all.length === 1) return;
    const at = this.all.indexOf(pane);
    this.all = this.all.filter((other) => other !== pane);
    pane.end();
    const next = this.all[Math.min(at, this.all.length - 1)];
    if (pane === this.current && next !== undefined) {
      this.activate(next);
      next.stage.chart.focus();
    }
    this.mark();
    this.actions.changed();
  }

  activate(pane: Pane): void {
    if (pane === this.current) return;
    this.current = pane;
    pane.store.revision += 1;
    this.mark();
    this.actions.changed();
  }

  // What moves a replay, for all charts of the active one's serving

  togglePlay(): void {
    const { phase, paused } = this.current.store.session;
    for (const pane of this.together) {
      // At the end there is nothing to pause: it plays again.
      if (phase === 'ended') pane.playFrom(0);
      else pane.setPaused(!paused);
    }
  }

  restart(): void {
    const { phase } = this.current.store.session;
    for (const pane of this.together) {
      if (phase === 'ended') pane.playFrom(0);
      else pane.goTo(0);
    }
  }

  goTo(bin: number): void {
    for (const pane of this.together) pane.goTo(bin);
  }

  /** Moves by bins, and pauses. */
  step(bins: number): void {
    const to = (this.current.store.stream?.history.head ?? 0) + bins;
    for (const pane of this.together) {
      if (!pane.store.session.paused) pane.setPaused(true);
      pane.goTo(to);
    }
  }

  skip(seconds: number): void {
    const bin = this.current.store.binAfter(seconds);
    if (bin !== null) this.goTo(bin);
  }

  playAt(speed: number): void {
    for (const pane of this.together) pane.playAt(speed);
  }

  changeSpeed(steps: number): void {
    this.playAt(stepSpeed(this.current.askedSpeed ?? 1, steps));
  }

  private get together(): readonly Pane[] {
    const { serving } = this.current.store.session;
    return this.all.filter(({ store }) => store.session.serving === serving);
  }

  private stack(stacked: boolean): void {
    this.isStacked = stacked;
    this.mark();
    this.actions.changed();
  }

  private append(): Pane {
    const root = this.pristine.cloneNode(true) as HTMLElement;
    this.grid.append(root);
    const pane = this.make(root);
    pane.store.show(this.current.store.overlays);
    this.all = [...this.all, pane];
    return pane;
  }

  private make(
    root: HTMLElement,
    link: StreamLink | null = null,
    place: Place | null = null,
  ): Pane {
    const actions = {
      chosen: (): void => {
        this.actions.changed();
      },
      close: (): void => {
        this.close(pane);
      },
      unseen: (of: Pane): void => {
        this.actions.unseen(of);
      },
    };
    const pane: Pane = new Pane(root, actions, link, place);
    for (const type of ['pointerdown', 'focusin'] as const) {
      root.addEventListener(type, ({ target }) => {
        // What is around the charts may change with the active one, and move the button from under the pointer.
        const closes = target instanceof Element && target.closest('[data-part=close]') !== null;
        if (!closes && this.all.includes(pane)) this.activate(pane);
      });
    }
    return pane;
  }

  private mark(): void {
    setData(this.grid, 'count', String(this.all.length));
    setData(this.grid, 'stacked', this.isStacked ? '' : null);
    for (const { root } of this.all)
      setData(root, 'active', root === this.current.root ? '' : null);
    this.addButton.disabled = this.all.length >= MOST_PANES;
    this.stackButton.hidden = this.all.length < 2;
    this.stackButton.setAttribute('aria-pressed', String(this.isStacked));
  }
}
