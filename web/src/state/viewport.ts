import { heightOf, widthOf, type ChartLayout, type Rect } from './layout';
import { columnPxOf } from './view';

/**
 * Which part of time and price the heatmap shows. Column `seq` covers [seq, seq + 1) on the time axis, cell `c`
 * covers [c - 0.5, c + 0.5) on the price axis. Everything in device pixels of the chart.
 */
export interface Viewport {
  heat: Rect;
  /** Bins a column: column `seq` has the bins from `seq * every` on. */
  every: number;
  /** Column position at the right edge. */
  edge: number;
  columnPx: number;
  /** Cell position at the middle of the height. */
  centre: number;
  rowPx: number;
}

/**
 * The view for an edge and a centre that may be anywhere: both are moved to whole pixels and columns get a whole
 * width, so that columns and rows never shimmer as they scroll.
 *
 * @param edge column position at the right edge. @param columnWidth of a column, CSS px. @param every bins a column.
 */
export function makeViewport(
  layout: ChartLayout,
  edge: number,
  centre: number,
  columnWidth: number,
  halfRows: number,
  every = 1,
): Viewport {
  const columnPx = columnPxOf(columnWidth, layout.ratio);
  const rowPx = heightOf(layout.heat) / (2 * halfRows + 1);
  return {
    heat: layout.heat,
    every,
    columnPx,
    rowPx,
    edge: Math.round(edge * columnPx) / columnPx,
    centre: rowPx > 0 ? Math.round(centre * rowPx) / rowPx : centre,
  };
}

/** Another text for every other part of time and price. */
export function viewKey({ every, edge, centre, columnPx, rowPx }: Viewport): string {
  return `${every} ${edge} ${centre} ${columnPx} ${rowPx}`;
}

export function xOf(view: Viewport, seq: number): number {
  return view.heat.right - (view.edge - seq) * view.columnPx;
}

export function seqAt(view: Viewport, x: number): number {
  return view.edge - (view.heat.right - x) / view.columnPx;
}

/** The bin position at `x`, whatever number of bins a column has. */
export function binAt(view: Viewport, x: number): number {
  return seqAt(view, x) * view.every;
}

export function yOf(view: Viewport, cell: number): number {
  return (view.heat.top + view.heat.bottom) / 2 - (cell - view.centre) * view.rowPx;
}

export function cellAt(view: Viewport, y: number): number {
  return view.centre + ((view.heat.top + view.heat.bottom) / 2 - y) / view.rowPx;
}

/** Numbers of the first and last column that are at least partly visible. */
export function visibleColumns(view: Viewport): { from: number; to: number } {
  return {
    from: Math.floor(view.edge - widthOf(view.heat) / view.columnPx),
    to: Math.ceil(view.edge) - 1,
  };
}

/** Lowest and highest visible cell positions. */
export function visibleCells(view: Viewport): { low: number; high: number } {
  return { low: cellAt(view, view.heat.bottom), high: cellAt(view, view.heat.top) };
}

/** The right edge at which column position `seq` lies at `x`. */
export function edgeWith(view: Viewport, seq: number, x: number, columnPx: number): number {
  return seq + (view.heat.right - x) / columnPx;
}

/** The centre at which cell position `cell` lies at `y`. */
export function centreWith(view: Viewport, cell: number, y: number, rowPx: number): number {
  return cell - ((view.heat.top + view.heat.bottom) / 2 - y) / rowPx;
}
