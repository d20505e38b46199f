import {
  answersHistory,
  streamIdentity,
  type ClientMessage,
  type GridUpdate,
  type HistoryEnd,
} from '../wire/types';
import type { WorkerEvent } from '../wire/protocol';
import { CELL_FIELDS } from '../wire/cells';
import type { TimeBase } from './clock';
import { extentOf, possibleTimes, seekTarget, type Extent, type SeekTarget } from './extent';
import { makeFrame, type Frame } from './frame';
import { freshnessAt, type Freshness } from './freshness';
import { History, historyCapacity } from './history';
import { LookBack, type Stretch } from './lookback';
import { hoveredAt, nearTotals, type Hovered, type NearTotals } from './inspect';
import { heightOf, widthOf, type ChartLayout } from './layout';
import { modeOf, type ModeId } from './modes';
import { arrivalInterval, centreTarget, glideCentre, glideEdge } from './motion';
import { Overview } from './overview';
import { observeBin, startPace, type Pace } from './pace';
import { cellSpan, PriceGrid } from './price';
import { INITIAL_SCALE, largeMagnitude, observeMagnitude, type AutoScale } from './scale';
import { INITIAL_SESSION, reduceSession, type SessionAction, type SessionState } from './session';
import {
  columnPxOf,
  INITIAL_VIEW,
  limitCentre,
  limitEdge,
  reduceView,
  zoomedColumnPx,
  zoomedHalfRows,
  type ViewAction,
  type ViewState,
} from './view';
import {
  cellAt,
  centreWith,
  edgeWith,
  makeViewport,
  seqAt,
  visibleColumns,
  type Viewport,
} from './viewport';

/** Cells on each side of spot that the gauges add up. */
export const NEAR_REACH = 10;

/** What is known once a stream has said what it is. */
export interface Stream {
  /** Equal for two streams whose bins are the same; see `streamIdentity`. */
  identity: string;
  history: History;
  columns: readonly string[];
  rows: number;
  binMs: number;
  /** Which bins there are, as far as is known: a finished replay has told its true end. */
  extent: Extent;
  overview: Overview;
  /** Known from the first bin with a spot on. */
  grid: PriceGrid | null;
}

interface Motion {
  edge: number;
  centre: number;
  centreTarget: number;
  /** Measured time between bins, ms. */
  intervalMs: number;
  steppedAtMs: number | null;
}

interface Scales {
  force: AutoScale;
  depth: AutoScale;
  near: AutoScale;
}

const INITIAL_SCALES: Scales = {
  force: INITIAL_SCALE,
  depth: INITIAL_SCALE,
  near: INITIAL_SCALE,
};

const PRESSURE = CELL_FIELDS.indexOf('pressure_variant');
const VACUUM = CELL_FIELDS.indexOf('vacuum_variant');
const DEPTH = CELL_FIELDS.indexOf('rest_depth');

/**
 * All of the page's state, without a page: takes the worker's events and the user's actions, and says what is to be
 * seen at a given time. It computes no signal; it only arranges what the server sent.
 */
export class Store {
  session: SessionState = INITIAL_SESSION;
  view: ViewState = INITIAL_VIEW;
  stream: Stream | null = null;
  near: NearTotals | null = null;
  /** Grows with every change that can be seen. */
  revision = 0;
  private scales = INITIAL_SCALES;
  private motion = restingMotion(100);
  private pace: Pace | null = null;
  private scratch = new Float64Array(0);
  /** The newest bin that the server has not been told of. */
  private unacknowledged: number | null = null;
  /** The bin that a seek leads to, until it comes. */
  private expected: number | null = null;
  /** Bins that were asked for and came before the one that is expected. */
  private early: Frame[] = [];
  /** Whether the last request was for the overview. */
  private asksOverview = false;
  private readonly lookBack = new LookBack();
  /** Speed of the replay, as the server told it; null while it has told none. */
  speed: number | null = null;

  /** @param widest most columns the renderer can hold. */
  constructor(private readonly widest: number) {}

  act(action: SessionAction): void {
    this.session = reduceSession(this.session, action);
    if (action.kind === 'choose') this.forget();
    // What was due before a pause says nothing of what is due after it.
    if (action.kind === 'pause' || action.kind === 'resume') this.pace = null;
    this.revision += 1;
  }

  look(action: ViewAction): void {
    this.view = reduceView(this.view, action);
    this.revision += 1;
  }

  /** Takes over one event of the worker. */
  receive(event: WorkerEvent, nowMs: number): void {
    const previousBinAt = this.session.lastBinAtMs;
    this.session = reduceSession(this.session, { kind: 'wire', event, nowMs });
    this.revision += 1;
    if (event.kind === 'config') {
      this.configure(event);
      this.pace = null;
    }
    if (event.kind === 'closed') this.lookBack.reset();
    if (event.kind === 'history') this.addOlder(event.update, event.cells, nowMs);
    if (event.kind === 'history_end') this.endLookBack(event.message, nowMs);
    if (event.kind === 'speed') this.playAt(event.value, nowMs);
    if (event.kind === 'server_error' && event.code === 'bad_history')
      this.endLookBack(null, nowMs);
    if (event.kind === 'server_error' && event.code === 'bad_seek') {
      this.expected = null;
      this.early = [];
    }
    if (event.kind === 'ended' && this.stream !== null) {
      const { extent } = this.stream;
      this.stream.extent = { ...extent, bins: Math.max(event.bins, 1) };
    }
    if (event.kind === 'server_error' && event.code === 'bad_seek' && this.stream !== null) {
      const detail = possibleTimes(this.stream.extent);
      this.tell('The session has no data at that time', detail);
    }
    if (event.kind === 'bin') {
      if (previousBinAt !== null) {
        this.motion.intervalMs = arrivalInterval(this.motion.intervalMs, nowMs - previousBinAt);
      }
      this.addBin(event, nowMs);
    }
  }

  /** Tells the user something. */
  tell(title: string, detail: string): void {
    this.session = { ...this.session, notice: { title, detail } };
    this.revision += 1;
  }

  private forget(): void {
    this.stream = null;
    this.near = null;
    this.expected = null;
    this.early = [];
    this.speed = null;
    this.lookBack.reset();
    this.pace = null;
    this.unacknowledged = null;
    this.scales = INITIAL_SCALES;
    this.view = reduceView(this.view, { kind: 'follow' });
  }

  private configure({ message, columns }: Extract<WorkerEvent, { kind: 'config' }>): void {
    const { config, grid_rows: rows } = message;
    const identity = streamIdentity(message);
    this.view = reduceView(this.view, { kind: 'grid', radius: config.grid_radius_ticks });
    // The same stream after a lost connection goes on where it was.
    if (this.stream?.identity === identity) return;
    this.forget();
    const extent = extentOf(config);
    this.stream = {
      identity,
      history: new History(historyCapacity(columns.length * rows, this.widest)),
      columns,
      rows,
      binMs: config.cell_width_ms,
      extent,
      overview: new Overview(extent.bins),
      grid: null,
    };
    this.motion = restingMotion(config.cell_width_ms);
    this.scratch = new Float64Array(rows);
  }

  private addBin({ update, cells }: Extract<WorkerEvent, { kind: 'bin' }>, nowMs: number): void {
    const { stream } = this;
    const frame = this.frameOf(update, cells);
    if (stream === null || frame === null) return;
    const { bin_seq: seq, skipped_bins: skipped } = update;
    this.pace ??= startPace(this.periodMs, seq, nowMs);
    this.pace = observeBin(this.pace, seq, skipped, nowMs, stream.binMs);
    const arrival = stream.history.push(frame);
    this.unacknowledged = frame.seq;
    const led = this.expected !== null;
    this.expected = null;
    for (const older of this.early) stream.history.fill(older);
    this.early = [];
    if (led || arrival.kind === 'reset' || arrival.kind === 'rewind') {
      this.motion = { ...this.motion, edge: stream.history.head + 1 };
      this.view = reduceView(this.view, { kind: 'follow' });
    }
    this.near = nearTotals(frame, stream.columns, NEAR_REACH);
    this.observeScales(cells, stream.rows, this.near);
  }

  private endLookBack(end: HistoryEnd | null, nowMs: number): void {
    const overview = end === null ? this.asksOverview : end.every > 1;
    this.lookBack.ended(end?.bins ?? 0, nowMs);
    if (overview) this.stream?.overview.ended(end?.bins ?? 0, nowMs);
    this.asksOverview = false;
  }

  private frameOf(update: GridUpdate, cells: Float64Array): Frame | null {
    const { stream } = this;
    const config = this.session.config?.config;
    if (stream === null || config === undefined) return null;
    stream.grid ??= firstGrid(update.spot_ref_price_int, config);
    return makeFrame(update, cells, stream.grid ?? anyGrid(config), stream.columns);
  }

  /** Takes over a bin that was asked for; it says nothing of how bins come, and nothing of now. */
  private addOlder(update: GridUpdate, cells: Float64Array, nowMs: number): void {
    this.lookBack.arrived(nowMs);
    if (update.every !== undefined) {
      this.stream?.overview.add(update);
      return;
    }
    const frame = this.frameOf(update, cells);
    if (frame === null) return;
    if (this.expected === null) this.stream?.history.fill(frame);
    else this.early.push(frame);
  }

  private playAt(speed: number, nowMs: number): void {
    this.speed = speed;
    const { history } = this.stream ?? {};
    this.pace =
      history === undefined || history.empty ? null : startPace(this.periodMs, history.head, nowMs);
    this.motion.intervalMs = this.periodMs;
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
    if (stream === null || view === null || this.expected !== null) return null;
    if (session.phase !== 'streaming' || !this.answersHistory) return null;
    // A link that is too slow for the bins themselves has no room for more.
    if (this.freshness(nowMs).word === 'Late') return null;
    const wanted = asMessage(this.lookBack.next(stream.history, visibleColumns(view), nowMs));
    if (wanted !== null) this.asksOverview = false;
    if (wanted !== null || !this.lookBack.isIdle(nowMs)) return wanted;
    const overview = stream.overview.next(stream.history.head, nowMs);
    if (overview === null) return null;
    this.lookBack.begin(overview, nowMs, true);
    this.asksOverview = true;
    return { type: 'history', ...overview };
  }

  /** As {@link takeWanted}, what will be in view once the bin of the last seek has come. */
  takeWantedAhead(layout: ChartLayout, nowMs: number): ClientMessage | null {
    const { expected, stream } = this;
    if (expected === null || stream === null || !this.answersHistory) return null;
    const columns = Math.ceil(
      widthOf(layout.heat) / columnPxOf(this.view.columnWidth, layout.ratio),
    );
    const stretch = { from: Math.max(expected + 1 - columns, 0), to: expected - 1 };
    const { history } = stream;
    const kept = history.at(stretch.from) !== undefined && history.at(stretch.to) !== undefined;
    if (stretch.to < stretch.from || kept) return null;
    this.lookBack.begin(stretch, nowMs);
    this.asksOverview = false;
    return asMessage(stretch);
  }

  /** How many bins in view are not kept. */
  missingIn(view: Viewport): number {
    const { history } = this.stream ?? {};
    if (history === undefined) return 0;
    const { from, to } = visibleColumns(view);
    let bins = 0;
    for (let seq = Math.max(from, history.reach); seq <= Math.min(to, history.head); seq += 1) {
      if (history.at(seq) === undefined) bins += 1;
    }
    return bins;
  }

  private observeScales(cells: Float64Array, rows: number, near: NearTotals): void {
    const observe = (scale: AutoScale, valueAt: (row: number) => number): AutoScale => {
      for (let row = 0; row < rows; row += 1) this.scratch[row] = valueAt(row);
      return observeMagnitude(scale, largeMagnitude(this.scratch));
    };
    const at = (field: number, row: number): number => cells[field * rows + row] ?? 0;
    this.scales = {
      force: observe(this.scales.force, (row) => at(PRESSURE, row) - at(VACUUM, row)),
      depth: observe(this.scales.depth, (row) => at(DEPTH, row)),
      near: observeMagnitude(this.scales.near, Math.max(...Object.values(near).map(Math.abs))),
    };
  }

  /** Magnitude of the strongest colour of a mode. */
  rangeOf(mode: ModeId): number {
    if (mode === 'force') return this.scales.force.range;
    if (mode === 'depth') return this.scales.depth.range;
    return modeOf(mode).range ?? 1;
  }

  /** Full scale of the gauges near spot. */
  get nearRange(): number {
    return this.scales.near.range;
  }

  /**
   * Moves the view on to `nowMs`.
   *
   * @param still no gliding: the view jumps to where it should be.
   * @returns whether the view is still on its way.
   */
  advance(nowMs: number, still: boolean): boolean {
    const { stream, motion } = this;
    const dtMs = motion.steppedAtMs === null ? 0 : Math.max(nowMs - motion.steppedAtMs, 0);
    motion.steppedAtMs = nowMs;
    if (stream === null || stream.history.empty) return false;
    const halfRows = this.halfRows;
    const target = this.view.edge ?? stream.history.head + 1;
    motion.edge =
      still || this.view.edge !== null
        ? target
        : glideEdge(motion.edge, target, motion.intervalMs, dtMs);
    const seen = stream.history.at(Math.ceil(motion.edge) - 1) ?? stream.history.newest;
    const { centre: held, radius } = this.view;
    const spot = seen?.anchor ?? NaN;
    motion.centreTarget =
      held === null
        ? centreTarget(motion.centreTarget, spot, halfRows)
        : limitCentre(held, spot, { halfRows, radius }, this.view.edge === null);
    motion.centre =
      still || held !== null
        ? motion.centreTarget
        : glideCentre(motion.centre, motion.centreTarget, halfRows, dtMs);
    return motion.edge !== target || motion.centre !== motion.centreTarget;
  }

  /** Whether what is shown is what is, and if not, why. */
  freshness(nowMs: number): Freshness {
    const valid = this.stream?.history.newest?.valid ?? null;
    return freshnessAt(this.session, this.pace, valid, nowMs);
  }

  private get halfRows(): number {
    return this.view.halfRows ?? 1;
  }

  /** What the chart shows now, or null before the first bin with a price. */
  viewport(layout: ChartLayout): Viewport | null {
    const { stream, motion } = this;
    if (stream === null || stream.history.empty || stream.grid === null) return null;
    const centre = Number.isFinite(motion.centre) ? motion.centre : 0;
    return makeViewport(layout, motion.edge, centre, this.view.columnWidth, this.halfRows);
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
    const view = this.viewport(layout);
    if (view === null || this.stream === null) return;
    const { halfRows } = this;
    if (axis === 'price') {
      const rows = zoomedHalfRows(halfRows, steps, this.view.radius);
      const rowPx = heightOf(view.heat) / (2 * rows + 1);
      const centre = at && centreWith(view, cellAt(view, at.y), at.y, rowPx);
      this.look({ kind: 'place', to: { halfRows: rows, ...(centre !== null && { centre }) } });
      return;
    }
    const columnPx = zoomedColumnPx(view.columnPx, steps, layout.ratio);
    const columnWidth = columnPx / layout.ratio;
    const edge = at && edgeWith(view, seqAt(view, at.x), at.x, columnPx);
    this.look({
      kind: 'place',
      to: { columnWidth, ...(edge !== null && { edge: this.within(view, edge, columnPx) }) },
    });
  }

  /** Moves the view so that a bin position, a cell position, or both lie at a point in device px of the chart. */
  drag(
    held: { seq: number | null; cell: number | null },
    to: { x: number; y: number },
    layout: ChartLayout,
  ): void {
    const view = this.viewport(layout);
    if (view === null) return;
    const { seq, cell } = held;
    const edge = seq === null ? null : edgeWith(view, seq, to.x, view.columnPx);
    const centre = cell === null ? null : centreWith(view, cell, to.y, view.rowPx);
    this.look({
      kind: 'place',
      to: {
        ...(edge !== null && { edge: this.within(view, edge, view.columnPx) }),
        ...(centre !== null && { centre }),
      },
    });
  }

  /** Moves the view by a share of its width; positive shows later bins. */
  pan(share: number, layout: ChartLayout): void {
    const view = this.viewport(layout);
    if (view === null) return;
    const edge = view.edge + (share * widthOf(view.heat)) / view.columnPx;
    this.look({ kind: 'place', to: { edge: this.within(view, edge, view.columnPx) } });
  }

  private within(view: Viewport, edge: number, columnPx: number): number | null {
    const history = this.stream?.history;
    if (history === undefined) return null;
    const tail = this.answersHistory ? Math.min(history.reach, history.tail) : history.tail;
    return limitEdge(edge, widthOf(view.heat) / columnPx, { head: history.head, tail });
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
    return hoveredAt(this.stream.history, viewport, this.stream.columns, x, y);
  }

  /**
   * The message that says up to where everything was shown, or null when nothing came since the last one.
   *
   * To be sent after a picture was drawn: the server then sends no more than the page draws, also while the page is
   * hidden and draws nothing.
   */
  takeAck(): ClientMessage | null {
    const seq = this.unacknowledged;
    this.unacknowledged = null;
    return seq === null ? null : { type: 'ack', bin_seq: seq };
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
    const bin = Math.max(Math.min(seq, bins - 1), 0);
    this.expected = bin;
    this.early = [];
    return { type: 'seek', bin_seq: bin };
  }
}

function restingMotion(intervalMs: number): Motion {
  return { edge: 0, centre: NaN, centreTarget: NaN, intervalMs, steppedAtMs: null };
}

function asMessage(stretch: Stretch | null): ClientMessage | null {
  return stretch && { type: 'history', ...stretch };
}

type GridConfig = Parameters<typeof cellSpan>[0] & { price_decimals: number };

function firstGrid(spotInt: string, config: GridConfig): PriceGrid | null {
  const spot = BigInt(spotInt);
  return spot > 0n ? new PriceGrid(cellSpan(config), spot, config.price_decimals) : null;
}

/** Stands in while there is no spot: bins without a price have no place on it anyway. */
function anyGrid(config: GridConfig): PriceGrid {
  return new PriceGrid(cellSpan(config), 0n, config.price_decimals);
}
