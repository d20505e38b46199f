import { csvOf } from './state/export';
import { widthOf } from './state/layout';
import { timeOfBin, type Place as SavedPlace } from './state/place';
import { Store } from './state/store';
import type { Corner } from './state/tools/measure';
import { binAt, cellAt, visibleColumns } from './state/viewport';
import { listenToPointer, type Place } from './ui/pointer';
import { PaneFrame } from './ui/paneframe';
import { saveFile } from './ui/save';
import { Stage } from './ui/stage';
import { StreamLink } from './wire/link';
import { streamUrl } from './wire/servings';
import type { ClientMessage } from './wire/types';

/** Where a stream is to begin, as soon as it has said which times it has. */
export type Beginning = Pick<SavedPlace, 'at' | 'paused'>;

export interface PaneActions {
  /** Another serving was chosen on the chart itself. */
  chosen(): void;
  close(): void;
  /** Something came while the page is hidden. */
  unseen(pane: Pane): void;
}

/** One stream on one chart: its connection, what is known of it, and the hands on the chart. */
export class Pane {
  readonly stage: Stage;
  readonly store: Store;
  /** Whether there was something to draw. */
  drawable = false;
  /** Whether the map is held: where it is to be is not known before it is let go. */
  dragging = false;
  /** Most bins that came between one picture and the next. */
  mostAtOnce = 0;
  private readonly link: StreamLink;
  private beginning: Beginning | null = null;
  /** The time that it was led to, until a bin comes. */
  private ledTo: string | null = null;
  /** The speed asked for last: keys may come faster than answers. */
  askedSpeed: number | null = null;
  private readonly frame: PaneFrame;
  /** What the pointer holds: the place of the map that was pressed. */
  private held = { bin: 0, cell: 0 };
  private firstCorner: Corner | null = null;
  private shownRevision = -1;
  private moving = false;

  /**
   * @param root what the chart lies in.
   * @param link what has begun to connect, if anything has. @param place what that is to show.
   */
  constructor(
    readonly root: HTMLElement,
    actions: PaneActions,
    link: StreamLink | null = null,
    place: SavedPlace | null = null,
  ) {
    this.link = link ?? new StreamLink();
    this.stage = new Stage(root);
    this.store = new Store(this.stage.heatmap.widest);
    if (link !== null && place?.serving != null) {
      this.beginning = beginningOf(place);
      this.store.act({ kind: 'choose', serving: place.serving });
    }
    const choose = (serving: string): void => {
      this.choose(serving);
      actions.chosen();
    };
    this.frame = new PaneFrame(root, {
      choose,
      retry: () => {
        const { serving } = this.store.session;
        if (serving !== null) choose(serving);
      },
      dismiss: () => {
        this.store.act({ kind: 'dismiss' });
      },
      follow: () => {
        this.store.look({ kind: 'follow' });
      },
      close: () => {
        actions.close();
      },
    });
    this.link.listen((event) => {
      this.store.receive(event, performance.now());
      if (event.kind === 'bin') this.ledTo = null;
      if (document.hidden) actions.unseen(this);
      if (event.kind === 'config' && this.beginning !== null) this.begin(this.beginning);
    });
    this.listen();
  }

  /** Leaves the stream and the page. */
  end(): void {
    this.link.end();
    this.stage.end();
    this.root.remove();
  }

  /** Shows that part of time and price, in those colours. */
  look({ mode, columnWidth, halfRows, depth }: Partial<SavedPlace>): void {
    const { store } = this;
    if (mode != null) store.look({ kind: 'mode', mode });
    store.look({
      kind: 'place',
      to: { ...(columnWidth != null && { columnWidth }), ...(halfRows != null && { halfRows }) },
    });
    if (depth != null) store.setDepth(depth);
  }

  private send(message: ClientMessage | null): void {
    if (message !== null) this.link.tell({ kind: 'send', message });
  }

  choose(serving: string, begin: Beginning | null = null): void {
    this.connect(serving, begin);
    this.store.act({ kind: 'choose', serving });
  }

  private connect(serving: string, begin: Beginning | null): void {
    this.beginning = beginningOf(begin);
    this.ledTo = null;
    this.askedSpeed = null;
    const url = streamUrl(window.location, serving);
    this.link.tell({ kind: 'connect', url, elsewhere: this.beginning !== null });
  }

  retry(): void {
    this.link.tell({ kind: 'retry' });
  }

  /** The network is back. */
  online(): void {
    this.link.tell({ kind: 'online' });
  }

  private begin({ at, paused }: Beginning): void {
    this.beginning = null;
    this.ledTo = at;
    const target = this.store.target(at ?? '');
    if (paused) this.setPaused(true);
    if ('problem' in target)
      this.store.tell('The link names a time that the session does not have', target.problem);
    this.goTo('problem' in target ? 0 : target.bin);
  }

  /** Takes the bins so far for seen: a page that is hidden draws none, and would be sent no more. */
  acknowledge(nowMs: number): void {
    this.send(this.store.takeAck(nowMs));
  }

  /** Moves the replay, and asks for what will be in view beside that bin. */
  goTo(bin: number): void {
    this.stage.measure();
    const seek = this.store.seekTo(bin);
    // First: a replay that ends at that bin would otherwise be over before it is heard.
    this.send(this.store.takeWantedAhead(this.stage.layout, performance.now()));
    this.send(seek);
  }

  setPaused(paused: boolean): void {
    const kind = paused ? 'pause' : 'resume';
    this.store.act({ kind });
    this.send({ type: kind });
  }

  playFrom(bin: number): void {
    this.setPaused(false);
    this.goTo(bin);
  }

  playAt(speed: number): void {
    this.askedSpeed = speed;
    this.send({ type: 'speed', value: speed });
  }

  pan(share: number): void {
    this.store.pan(share, this.stage.layout);
  }

  panPrice(share: number): void {
    this.store.panPrice(share, this.stage.layout);
  }

  /** Around the right edge and the middle. */
  zoom(axis: 'time' | 'price', steps: number): void {
    this.store.zoom(axis, steps, this.stage.layout, null);
  }

  /** What the address says of the pane. */
  get place(): SavedPlace {
    const { view, time, session } = this.store;
    const shown = this.store.viewport(this.stage.layout);
    const at =
      this.beginning?.at ??
      this.ledTo ??
      (shown === null || time === null ? null : timeOfBin(time, this.store.newestBin(shown)));
    return {
      serving: session.serving,
      at,
      paused: this.beginning?.paused ?? session.paused,
      mode: view.mode,
      columnWidth: view.columnWidth,
      halfRows: view.halfRows,
      depth: this.store.depth,
    };
  }

  /** Gives the user what is in view, named by serving and time. */
  async save(as: 'png' | 'csv'): Promise<void> {
    const { store, stage } = this;
    const { stream } = store;
    const view = store.viewport(stage.layout);
    if (stream === null || view === null) return;
    const { serving, at } = this.place;
    const name = `${serving ?? 'stream'} ${at ?? ''}`.trim().replace(/[^\w.-]+/g, '-');
    const { from, to } = visibleColumns(view);
    const content =
      as === 'png'
        ? await stage.picture(store)
        : new Blob([csvOf(store.historyOf(view) ?? stream.history, from, to)], {
            type: 'text/csv',
          });
    if (content !== null) saveFile(`${name}.${as}`, content);
  }

  /** Whether something has changed since the last picture. */
  get changed(): boolean {
    return this.shownRevision !== this.store.revision;
  }

  /**
   * Draws the chart if there is anything new to draw.
   *
   * @param due whether it is to be drawn although nothing has changed.
   * @param busy whether there is more to do in this frame.
   * @returns whether it was.
   */
  draw(nowMs: number, still: boolean, due: boolean, busy: boolean): boolean {
    const { store, stage } = this;
    const resized = stage.measure();
    if (!due && !this.changed && !this.moving && !resized && !stage.owes) return false;
    this.shownRevision = store.revision;
    this.moving = store.advance(nowMs, still);
    const before = stage.drawn;
    this.drawable = stage.draw(store, { nowMs, busy });
    this.mostAtOnce = Math.max(this.mostAtOnce, stage.drawn - before);
    this.send(store.takeAck(nowMs));
    if (this.drawable) this.send(store.takeWanted(stage.layout, performance.now()));
    return true;
  }

  /** Draws what is around and over the chart. */
  drawFrame(nowMs: number): void {
    this.frame.draw(this.store, this.store.freshness(nowMs), this.drawable);
  }

  private listen(): void {
    const { stage, store } = this;
    const devicePlace = ({ x, y }: Place): Place => {
      const { ratio } = stage.layout;
      return { x: x * ratio, y: y * ratio };
    };
    listenToPointer(stage.chart, () => stage.origin, {
      move: (at) => {
        store.look({ kind: 'pointer', at });
      },
      grab: (at) => {
        this.dragging = true;
        store.setCorners(null);
        const view = store.viewport(stage.layout);
        const { x, y } = devicePlace(at);
        if (view !== null) this.held = { bin: binAt(view, x), cell: cellAt(view, y) };
      },
      drag: (at, { time, price }) => {
        const { bin, cell } = this.held;
        const grip = { bin: time ? bin : null, cell: price ? cell : null };
        store.drag(grip, devicePlace(at), stage.layout);
      },
      measure: (from, to) => {
        const view = store.viewport(stage.layout);
        if (view === null) return;
        const corner = (at: Place): Corner => {
          const { x, y } = devicePlace(at);
          return { seq: binAt(view, x), cell: cellAt(view, y) };
        };
        // The map may move on meanwhile: the first corner stays where it was pressed.
        this.firstCorner ??= corner(from);
        store.setCorners([this.firstCorner, corner(to)]);
      },
      release: () => {
        this.firstCorner = null;
        this.dragging = false;
      },
      zoom: (at, steps, shift) => {
        const place = devicePlace(at);
        const onPrices = place.x >= stage.layout.heat.right;
        store.zoom(shift || onPrices ? 'price' : 'time', steps, stage.layout, place);
      },
      pan: (px) => {
        store.pan((px * stage.layout.ratio) / widthOf(stage.layout.heat), stage.layout);
      },
      home: () => {
        store.look({ kind: 'follow' });
      },
    });
  }
}

/** What is to be waited for before a stream can begin elsewhere than where the server does. */
function beginningOf(begin: Beginning | null): Beginning | null {
  return begin?.at == null ? null : begin;
}
