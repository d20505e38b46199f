import { answersHistory, streamIdentity, type ClientMessage, type GridUpdate } from '../wire/types';
import type { WorkerEvent } from '../wire/protocol';
import type { TimeBase } from './clock';
import { possibleTimes, seekTarget, type SeekTarget } from './extent';
import { freshnessAt, type Freshness } from './freshness';
import type { History } from './history';
import { hoveredAt, nearTotals, type Hovered, type NearTotals } from './inspect';
import { widthOf, type ChartLayout } from './layout';
import { Acks } from './live/acks';
import { Camera, type Limits } from './live/camera';
import { AUTO_RANGE, limitRange, type DepthRange } from './live/depthrange';
import { USUAL_OVERLAYS, type Overlays } from './live/overlays';
import { Ranges } from './live/ranges';
import { Requests } from './live/requests';
import { columnsOf, frameOf, newStream, takeOlder, type Stream } from './live/stream';
import { missingCount } from './lookback';
import type { ModeId } from './modes';
import { parsePrice } from './price';
import { latenessAt, observeBin, startPace, type Pace } from './pace';
import { INITIAL_SESSION, reduceSession, type SessionAction, type SessionState } from './session';
import { measure, type Corner, type Measured } from './tools/measure';
import type { ViewAction, ViewState } from './view';
import { visibleColumns, type Viewport } from './viewport';
import type { Columns } from './zoom/columns';

export type { Stream } from './live/stream';

/** Cells on each side of spot that the gauges add up. */
export const NEAR_REACH = 10;

/**
 * All of the page's state, without a page: takes the worker's events and the user's actions, and says what is to be
 * seen at a given time. It computes no signal; it only arranges what the server sent.
 */
export class Store {
  session: SessionState = INITIAL_SESSION;
  stream: Stream | null = null;
  near: NearTotals | null = null;
  /** Grows with every change that can be seen. */
  revision = 0;
  private readonly camera = new Camera();
  private readonly requests = new Requests();
  private ranges = new Ranges(0);
  private pace: Pace | null = null;
  private readonly acks = new Acks();
  /** The corners between which the user measures, or null. */
  private corners: [Corner, Corner] | null = null;
  /** Which depths the colours tell apart. */
  depth: DepthRange = AUTO_RANGE;
  /** What lies over the cells of the map. */
  overlays = USUAL_OVERLAYS;
  /** Speed of the replay, as the server told it; null while it has told none. */
  speed: number | null = null;

  /** @param widest most columns the renderer can hold. */
  constructor(private readonly widest: number) {}

  get view(): ViewState {
    return this.camera.view;
  }

  act(action: SessionAction): void {
    this.session = reduceSession(this.session, action);
    if (action.kind === 'choose') this.forget();
    // What was due before a pause says nothing of what is due after it.
    if (action.kind === 'pause' || action.kind === 'resume') this.pace = null;
    this.revision += 1;
  }

  look(action: ViewAction): void {
    this.camera.look(action);
    this.revision += 1;
  }

  /** Takes over one event of the worker. */
  receive(event: WorkerEvent, nowMs: number): void {
    const previousBinAt = this.session.lastBinAtMs;
    this.session = reduceSession(this.session, { kind: 'wire', event, nowMs });
    this.revision += 1;
    switch (event.kind) {
      case 'config':
        this.configure(event);
        this.pace = null;
        break;
      case 'closed':
        this.requests.reset();
        break;
      case 'history':
        this.addOlder(event.update, event.cells, nowMs);
        break;
      case 'history_end':
        this.requests.ended(event.message, this.stream, nowMs);
        break;
      case 'speed':
        this.playAt(event.value, nowMs);
        break;
      case 'server_error':
        this.refused(event.code, nowMs);
        break;
      case 'ended':
        if (this.stream !== null)
          this.stream.extent = { ...this.stream.extent, bins: Math.max(event.bins, 1) };
        break;
      case 'bin':
        if (previousBinAt !== null) this.camera.arrived(nowMs - previousBinAt);
        this.addBin(event, nowMs);
        break;
    }
  }

  private refused(code: string, nowMs: number): void {
    if (code === 'bad_history') this.requests.ended(null, this.stream, nowMs);
    if (code !== 'bad_seek') return;
    this.requests.refuseSeek();
    if (this.stream === null) return;
    this.tell('The session has no data at that time', possibleTimes(this.stream.extent));
  }

  show(overlays: Overlays): void {
    this.overlays = overlays;
    this.revision += 1;
  }

  /** Tells the user something. */
  tell(title: string, detail: string): void {
    this.session = { ...this.session, notice: { title, detail } };
    this.revision += 1;
  }

  private forget(): void {
    this.stream = null;
    this.near = null;
    this.speed = null;
    this.requests.forget();
    this.pace = null;
    this.acks.forget();
    this.corners = null;
    this.ranges = new Ranges(0);
    this.camera.look({ kind: 'follow' });
  }

  private configure({ message, columns }: Extract<WorkerEvent, { kind: 'config' }>): void {
    const { config, grid_rows: rows } = message;
    this.camera.look({ kind: 'grid', radius: config.grid_radius_ticks });
    // The same stream after a lost connection goes on where it was.
    if (this.stream?.identity === streamIdentity(message)) return;
    this.forget();
    this.stream = newStream(message, columns, this.widest);
    this.ranges = new Ranges(rows);
    this.camera.rest(config.cell_width_ms);
    this.camera.levels = this.answersHistory ? this.stream.stores.levels : [1];
  }

  private addBin({ update, cells }: Extract<WorkerEvent, { kind: 'bin' }>, nowMs: number): void {
    const { stream } = this;
    if (stream === null) return;
    const frame = frameOf(stream, update, cells);
    const { bin_seq: seq, skipped_bins: skipped } = update;
    this.pace ??= startPace(this.periodMs, seq, nowMs);
    this.pace = observeBin(this.pace, seq, skipped, nowMs, stream.binMs);
    stream.lateness.put(seq, latenessAt(this.pace, nowMs));
    const arrival = stream.history.push(frame);
    this.acks.owe(frame.seq);
    const moved = arrival.kind === 'reset' || arrival.kind === 'rewind';
    const led = this.requests.arrived(() => {
      stream.stores.jump();
    });
    if (led || moved) this.camera.jump(stream.history.head + 1);
    this.near = nearTotals(frame, stream.columns, NEAR_REACH);
    this.ranges.observe(cells, this.near);
  }

  /** Takes over a bin that was asked for; it says nothing of how bins come, and nothing of now. */
  private addOlder(update: GridUpdate, cells: Float64Array, nowMs: number): void {
    this.requests.answered(nowMs);
    const { stream } = this;
    const { asked } = this.requests;
    if (stream === null) return;
    const frame = update.every === undefined ? frameOf(stream, update, cells) : null;
    this.requests.fill(() => {
      takeOlder(stream, frame ?? { update, cells }, asked);
    });
  }

  private playAt(speed: number, nowMs: number): void {
    this.speed = speed;
    const { history } = this.stream ?? {};
    this.pace =
      history === undefined || history.empty ? null : startPace(this.periodMs, history.head, nowMs);
    this.camera.expectEvery(this.periodMs);
  }

  /** Time between two bins by the speed that is known, ms. */
  private get periodMs(): number {
    return (this.stream?.binMs ?? 100) / (this.speed ?? 1);
  }

  private get answersHistory(): boolean {
    const { config } = this.session;
    return config !== null && answersHistory(config);
  }

  /** The message that asks for what is in view and not kept, or null when there is nothing to ask for now. */
  takeWanted(layout: ChartLayout, nowMs: number): ClientMessage | null {
    const { stream, session } = this;
    const view = this.viewport(layout);
    if (stream === null || view === null) return null;
    // What lacks is asked for after the end, too.
    if (session.phase !== 'streaming' && session.phase !== 'ended') return null;
    if (!this.answersHistory) return null;
    // A link that is too slow for the bins themselves has no room for more.
    if (this.freshness(nowMs).word === 'Late') return null;
    return this.requests.next(stream, this.columnsOf(view), visibleColumns(view), nowMs);
  }

  /** As {@link takeWanted}, what will be in view once the bin of the last seek has come. */
  takeWantedAhead(layout: ChartLayout, nowMs: number): ClientMessage | null {
    const { stream } = this;
    if (stream === null || !this.answersHistory) return null;
    const view = this.camera.viewport(layout);
    const count = Math.ceil(widthOf(layout.heat) / view.columnPx);
    const columns = view.every === 1 ? null : this.columnsOf(view);
    // Before the first price there are no columns to ask for.
    if (view.every > 1 && columns === null) return null;
    return this.requests.ahead(stream, columns, count, nowMs);
  }

  /** How many columns in view are not kept whole. */
  missingIn(view: Viewport): number {
    const { history } = this.stream ?? {};
    if (history === undefined) return 0;
    const kept = this.columnsOf(view)?.kept(history.head, -Infinity) ?? history;
    return missingCount(kept, visibleColumns(view));
  }

  /** The columns that a view shows by their numbers. */
  historyOf(view: Viewport): History | null {
    return this.columnsOf(view)?.history ?? this.stream?.history ?? null;
  }

  /** As {@link historyOf}, null where these are the bins of the stream. */
  private columnsOf(view: Viewport): Columns | null {
    return this.stream && columnsOf(this.stream, view);
  }

  /** The newest bin in view. */
  newestBin({ every, edge }: Viewport): number {
    // Where several bins are a column a pixel is many of them.
    return Math.ceil(every === 1 ? edge : this.camera.edge) - 1;
  }

  /** Magnitude of the strongest colour of a mode. */
  rangeOf(mode: ModeId): number {
    const set = mode === 'depth' ? this.depth.high : null;
    return set ?? Math.max(this.ranges.of(mode), this.lowOf(mode) + 1e-9);
  }

  /** Magnitude up to which a cell has the colour of nothing. */
  lowOf(mode: ModeId): number {
    return mode === 'depth' ? this.depth.low : 0;
  }

  setDepth(range: DepthRange): void {
    this.depth = limitRange(range);
    this.revision += 1;
  }

  /** Full scale of the gauges near spot. */
  get nearRange(): number {
    return this.ranges.near;
  }

  /**
   * Moves the view on to `nowMs`.
   *
   * @param still no gliding: the view jumps to where it should be.
   * @returns whether the view is still on its way.
   */
  advance(nowMs: number, still: boolean): boolean {
    const { history = null, stores } = this.stream ?? {};
    return this.camera.advance(history, nowMs, still, (bin) => stores?.at(bin));
  }

  /** Whether what is shown is what is, and if not, why. */
  freshness(nowMs: number): Freshness {
    const valid = this.stream?.history.newest?.valid ?? null;
    return freshnessAt(this.session, this.pace, valid, nowMs);
  }

  /** What the chart shows now, or null before the first bin with a price. */
  viewport(layout: ChartLayout): Viewport | null {
    const { stream } = this;
    if (stream === null || stream.history.empty || stream.grid === null) return null;
    return this.camera.viewport(layout);
  }

  /**
   * Zooms by steps, in at positive ones, around a point in device px of the chart; by default around the right edge
   * and the middle.
   */
  zoom(
    axis: 'time' | 'price',
    steps: number,
    layout: ChartLayout,
    at: { x: number; y: number } | null,
  ): void {
    this.move(layout, (limits) => {
      this.camera.zoom(axis, steps, layout, at, limits);
    });
  }

  /** Moves the view so that a bin position, a cell position, or both lie at a point in device px of the chart. */
  drag(
    held: { bin: number | null; cell: number | null },
    to: { x: number; y: number },
    layout: ChartLayout,
  ): void {
    this.move(layout, (limits) => {
      this.camera.drag(held, to, layout, limits);
    });
  }

  /** Moves the view by a share of its width; positive shows later bins. */
  pan(share: number, layout: ChartLayout): void {
    this.move(layout, (limits) => {
      this.camera.pan(share, layout, limits);
    });
  }

  /** Moves the view by a share of its height; positive shows higher prices. */
  panPrice(share: number, layout: ChartLayout): void {
    this.move(layout, () => {
      this.camera.panPrice(share, layout);
    });
  }

  /** Moves the view within how far it may go; not while there is nothing to view. */
  private move(layout: ChartLayout, within: (limits: Limits) => void): void {
    const history = this.stream?.history;
    if (history === undefined || this.viewport(layout) === null) return;
    within({ head: history.head, tail: this.answersHistory ? 0 : history.tail });
    this.revision += 1;
  }

  /** Measures between two places of the map, given by bin position, or no more. */
  setCorners(corners: [Corner, Corner] | null): void {
    if (corners === null && this.corners === null) return;
    this.corners = corners;
    this.revision += 1;
  }

  /** What is measured, in the columns that a view shows, and its height in ticks. */
  measured(view: Viewport): { area: Measured; ticks: number } | null {
    const { stream, corners, session } = this;
    if (corners === null || stream?.grid == null || session.config === null) return null;
    const area = measure(this.historyOf(view) ?? stream.history, ...corners, view.every);
    const tick = parsePrice(session.config.config.tick_size);
    return { area, ticks: area.cells * (Number(stream.grid.cellInt) / Number(tick)) };
  }

  /** How bin numbers and times belong together in this stream, or null before it is known. */
  get time(): TimeBase | null {
    return this.stream?.extent ?? null;
  }

  /** What the pointer is over, or null when it is not over the plot. */
  hovered(layout: ChartLayout, viewport: Viewport): Hovered | null {
    const { pointer } = this.view;
    if (pointer === null || this.stream === null) return null;
    const x = pointer.x * layout.ratio;
    const y = pointer.y * layout.ratio;
    if (x >= layout.heat.right || y >= layout.signal.bottom) return null;
    const history = this.historyOf(viewport) ?? this.stream.history;
    return hoveredAt(history, viewport, this.stream.columns, x, y, layout.ratio);
  }

  /** The message that says up to where everything was shown, or null when there is nothing to say; see {@link Acks}. */
  takeAck(nowMs: number): ClientMessage | null {
    return this.acks.take(nowMs);
  }

  /** The bin that is `seconds` after the newest one, or null when nothing is known yet. */
  binAfter(seconds: number): number | null {
    if (this.stream === null || this.stream.history.empty) return null;
    return this.stream.history.head + Math.round((seconds * 1000) / this.stream.binMs);
  }

  /** Where a text of the go-to box leads, or why it leads nowhere. */
  target(text: string): SeekTarget {
    return seekTarget(text, this.stream?.extent ?? null);
  }

  /** The message that moves the replay to the nearest bin that the session has. */
  seekTo(seq: number): ClientMessage {
    const bins = this.stream?.extent.bins ?? Infinity;
    return this.requests.seek(Math.max(Math.min(seq, bins - 1), 0));
  }
}
