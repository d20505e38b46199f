import type { Frame } from '../frame';
import type { History } from '../history';
import { heightOf, widthOf, type ChartLayout } from '../layout';
import { arrivalInterval, centreTarget, glideCentre, glideEdge } from '../motion';
import {
  INITIAL_VIEW,
  limitCentre,
  limitEdge,
  reduceView,
  zoomedHalfRows,
  type ViewAction,
  type ViewState,
} from '../view';
import { cellAt, centreWith, edgeWith, makeViewport, seqAt, type Viewport } from '../viewport';
import { binWidthOf, zoomedBy, zoomOf, type TimeZoom } from '../zoom/levels';

interface Motion {
  /** Bin position at the right edge. */
  edge: number;
  centre: number;
  centreTarget: number;
  /** Measured time between bins, ms. */
  intervalMs: number;
  steppedAtMs: number | null;
}

/** A point in device px of the chart. */
interface Point {
  x: number;
  y: number;
}

/** The newest bin, and the oldest that a view may reach back to. */
export interface Limits {
  head: number;
  tail: number;
}

/** Where the user looks, and the picture's way there. */
export class Camera {
  view: ViewState = INITIAL_VIEW;
  /** Bins a column of each level that can be zoomed to, the finest first. */
  levels: readonly number[] = [1];
  private motion = restingMotion(100);

  look(action: ViewAction): void {
    this.view = reduceView(this.view, action);
    // What is placed is there at once: the next turn of a wheel may come before the next picture.
    if (this.view.edge !== null) this.motion.edge = this.view.edge;
  }

  /** Begins anew with a stream of which nothing has come. */
  rest(intervalMs: number): void {
    this.motion = restingMotion(intervalMs);
  }

  /** Shows a bin position at once, and follows from there. */
  jump(edge: number): void {
    this.motion = { ...this.motion, edge };
    this.look({ kind: 'follow' });
  }

  /** A bin came `ms` after the one before. */
  arrived(ms: number): void {
    this.motion.intervalMs = arrivalInterval(this.motion.intervalMs, ms);
  }

  /** Bin position at the right edge, as exact as it is known. */
  get edge(): number {
    return this.motion.edge;
  }

  /** Bins come every so many ms from now on. */
  expectEvery(ms: number): void {
    this.motion.intervalMs = ms;
  }

  /**
   * Moves the picture on to `nowMs`.
   *
   * @param still no gliding: the picture jumps to where it should be.
   * @param older what is known of a bin that the history does not have.
   * @returns whether it is still on its way.
   */
  advance(
    history: History | null,
    nowMs: number,
    still: boolean,
    older: (bin: number) => Frame | undefined = () => undefined,
  ): boolean {
    const { motion } = this;
    const dtMs = motion.steppedAtMs === null ? 0 : Math.max(nowMs - motion.steppedAtMs, 0);
    motion.steppedAtMs = nowMs;
    if (history === null || history.empty) return false;
    const { halfRows } = this;
    const target = this.view.edge ?? history.head + 1;
    motion.edge =
      still || this.view.edge !== null
        ? target
        : glideEdge(motion.edge, target, motion.intervalMs, dtMs);
    const newest = Math.ceil(motion.edge) - 1;
    const seen = history.at(newest) ?? older(newest) ?? history.newest;
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

  /** What the chart shows now. */
  viewport(layout: ChartLayout): Viewport {
    const { motion, view } = this;
    const { ratio } = layout;
    const centre = Number.isFinite(motion.centre) ? motion.centre : 0;
    const { every, columnPx } = zoomOf(view.columnWidth, this.levels, ratio);
    const edge = motion.edge / every;
    return makeViewport(layout, edge, centre, columnPx / ratio, this.halfRows, every);
  }

  /** Zooms by steps, in at positive ones, around a point; by default around the right edge and the middle. */
  zoom(
    axis: 'time' | 'price',
    steps: number,
    layout: ChartLayout,
    at: Point | null,
    limits: Limits,
  ): void {
    const view = this.viewport(layout);
    if (axis === 'price') {
      const { radius, columnWidth } = this.view;
      const rows = zoomedHalfRows(this.halfRows, steps, radius, columnWidth);
      const rowPx = heightOf(view.heat) / (2 * rows + 1);
      const centre = at && centreWith(view, cellAt(view, at.y), at.y, rowPx);
      this.look({ kind: 'place', to: { halfRows: rows, ...(centre !== null && { centre }) } });
      return;
    }
    const next = zoomedBy(view, steps, this.levels, layout.ratio);
    const columnWidth = binWidthOf(next, layout.ratio);
    const bin = at && seqAt(view, at.x) * view.every;
    const edge = bin === null ? null : edgeAt(view, bin, at?.x ?? 0, next);
    this.look({
      kind: 'place',
      to: { columnWidth, ...(edge !== null && { edge: within(view, edge, next, limits) }) },
    });
  }

  /** Moves the view so that a bin position, a cell position, or both lie at a point. */
  drag(
    held: { bin: number | null; cell: number | null },
    to: Point,
    layout: ChartLayout,
    limits: Limits,
  ): void {
    const view = this.viewport(layout);
    const { bin, cell } = held;
    const edge = bin === null ? null : edgeAt(view, bin, to.x, view);
    const centre = cell === null ? null : centreWith(view, cell, to.y, view.rowPx);
    this.look({
      kind: 'place',
      to: {
        ...(edge !== null && { edge: within(view, edge, view, limits) }),
        ...(centre !== null && { centre }),
      },
    });
  }

  /** Moves the view by a share of its width; positive shows later bins. */
  pan(share: number, layout: ChartLayout, limits: Limits): void {
    const view = this.viewport(layout);
    const edge = view.edge * view.every + share * binsAcross(view, view);
    this.look({ kind: 'place', to: { edge: within(view, edge, view, limits) } });
  }

  /** Moves the view by a share of its height; positive shows higher prices. */
  panPrice(share: number, layout: ChartLayout): void {
    const { centre, heat, rowPx } = this.viewport(layout);
    if (rowPx === 0) return;
    this.look({ kind: 'place', to: { centre: centre + (share * heightOf(heat)) / rowPx } });
  }

  private get halfRows(): number {
    return this.view.halfRows ?? 1;
  }
}

/** The right edge, a bin position, at which a bin position lies at `x`. */
function edgeAt(view: Viewport, bin: number, x: number, { every, columnPx }: TimeZoom): number {
  return edgeWith(view, bin / every, x, columnPx) * every;
}

/** How many bins the map has room for. */
function binsAcross({ heat }: Viewport, { every, columnPx }: TimeZoom): number {
  return (widthOf(heat) / columnPx) * every;
}

function within(view: Viewport, edge: number, zoom: TimeZoom, limits: Limits): number | null {
  return limitEdge(edge, binsAcross(view, zoom), limits);
}

function restingMotion(intervalMs: number): Motion {
  return { edge: 0, centre: NaN, centreTarget: NaN, intervalMs, steppedAtMs: null };
}
