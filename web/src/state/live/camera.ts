import type { History } from '../history';
import { heightOf, widthOf, type ChartLayout } from '../layout';
import { arrivalInterval, centreTarget, glideCentre, glideEdge } from '../motion';
import {
  INITIAL_VIEW,
  limitCentre,
  limitEdge,
  reduceView,
  zoomedColumnPx,
  zoomedHalfRows,
  type ViewAction,
  type ViewState,
} from '../view';
import { cellAt, centreWith, edgeWith, makeViewport, seqAt, type Viewport } from '../viewport';

interface Motion {
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
  private motion = restingMotion(100);

  look(action: ViewAction): void {
    this.view = reduceView(this.view, action);
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

  /** Bins come every so many ms from now on. */
  expectEvery(ms: number): void {
    this.motion.intervalMs = ms;
  }

  /**
   * Moves the picture on to `nowMs`.
   *
   * @param still no gliding: the picture jumps to where it should be.
   * @returns whether it is still on its way.
   */
  advance(history: History | null, nowMs: number, still: boolean): boolean {
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
    const seen = history.at(Math.ceil(motion.edge) - 1) ?? history.newest;
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
    const centre = Number.isFinite(motion.centre) ? motion.centre : 0;
    return makeViewport(layout, motion.edge, centre, view.columnWidth, this.halfRows);
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
      const rows = zoomedHalfRows(this.halfRows, steps, this.view.radius);
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
      to: { columnWidth, ...(edge !== null && { edge: within(view, edge, columnPx, limits) }) },
    });
  }

  /** Moves the view so that a bin position, a cell position, or both lie at a point. */
  drag(
    held: { seq: number | null; cell: number | null },
    to: Point,
    layout: ChartLayout,
    limits: Limits,
  ): void {
    const view = this.viewport(layout);
    const { seq, cell } = held;
    const edge = seq === null ? null : edgeWith(view, seq, to.x, view.columnPx);
    const centre = cell === null ? null : centreWith(view, cell, to.y, view.rowPx);
    this.look({
      kind: 'place',
      to: {
        ...(edge !== null && { edge: within(view, edge, view.columnPx, limits) }),
        ...(centre !== null && { centre }),
      },
    });
  }

  /** Moves the view by a share of its width; positive shows later bins. */
  pan(share: number, layout: ChartLayout, limits: Limits): void {
    const view = this.viewport(layout);
    const edge = view.edge + (share * widthOf(view.heat)) / view.columnPx;
    this.look({ kind: 'place', to: { edge: within(view, edge, view.columnPx, limits) } });
  }

  private get halfRows(): number {
    return this.view.halfRows ?? 1;
  }
}

function within(view: Viewport, edge: number, columnPx: number, limits: Limits): number | null {
  return limitEdge(edge, widthOf(view.heat) / columnPx, limits);
}

function restingMotion(intervalMs: number): Motion {
  return { edge: 0, centre: NaN, centreTarget: NaN, intervalMs, steppedAtMs: null };
}
