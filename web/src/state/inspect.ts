import { CELL_FIELDS, PROJECTION_PREFIX, projectionMs, type CellField } from '../wire/cells';
import type { Frame } from './frame';
import type { History } from './history';
import { marksNear, type Mark } from './tools/marks';
import { cellAt, seqAt, type Viewport } from './viewport';

/** The cell under the pointer with its exact values. */
export interface CellReading {
  frame: Frame;
  /** Cell from the grid's base; its price is `PriceGrid.priceAt(cell)`. */
  cell: number;
  /** Cells above spot. */
  k: number;
  values: Record<CellField, number>;
  /** Traded in it, in lots; NaN of a server that does not say. */
  buy: number;
  sell: number;
  projections: { horizonMs: number; score: number }[];
}

/** What the pointer is over: a bin, and a cell if it is inside the bin's window. */
export interface Hovered {
  seq: number;
  cell: number;
  frame: Frame | undefined;
  reading: CellReading | null;
  /** Marks at the pointer, the nearest first. */
  marks: readonly Mark[];
}

/** How near to a mark the pointer has to be, CSS px. */
const MARK_REACH = 8;

/**
 * Looks up what is drawn at a point of the heatmap.
 *
 * @param x, y device pixels of the chart. @param ratio device px of a CSS px.
 */
export function hoveredAt(
  history: History,
  view: Viewport,
  columns: readonly string[],
  x: number,
  y: number,
  ratio = 1,
): Hovered {
  const seq = Math.floor(seqAt(view, x));
  const cell = Math.floor(cellAt(view, y) + 0.5);
  const frame = history.at(seq);
  return {
    seq,
    cell,
    frame,
    reading: frame === undefined ? null : readCell(frame, cell, columns),
    marks: marksNear(history, view, x, y, MARK_REACH * ratio),
  };
}

/** The exact values of a cell of a bin, or null when it lies outside the bin's window. */
export function readCell(
  frame: Frame,
  cell: number,
  columns: readonly string[],
): CellReading | null {
  const rows = frame.cells.length / columns.length;
  const k = cell - frame.anchor;
  const row = k + (rows - 1) / 2;
  if (!(row >= 0 && row < rows)) return null;
  const at = (index: number): number => frame.cells[index * rows + row] ?? NaN;
  const [buys, sells] = [columns.indexOf('buy_volume'), columns.indexOf('sell_volume')];
  const values = Object.fromEntries(CELL_FIELDS.map((name, index) => [name, at(index)]));
  return {
    frame,
    cell,
    k,
    values: values as Record<CellField, number>,
    buy: buys < 0 ? NaN : at(buys),
    sell: sells < 0 ? NaN : at(sells),
    projections: columns.flatMap((name, index) =>
      name.startsWith(PROJECTION_PREFIX)
        ? [{ horizonMs: projectionMs(name), score: at(index) }]
        : [],
    ),
  };
}

/** Sums of pressure and vacuum over cells near spot, as the gauges show them. */
export interface NearTotals {
  pressureAbove: number;
  pressureBelow: number;
  vacuumAbove: number;
  vacuumBelow: number;
}

/** Adds up the cells of one bin with 1 <= |k| <= `reach` on each side of spot. */
export function nearTotals(frame: Frame, columns: readonly string[], reach: number): NearTotals {
  const rows = frame.cells.length / columns.length;
  const radius = (rows - 1) / 2;
  const sum = (field: CellField, side: 1 | -1): number => {
    const base = CELL_FIELDS.indexOf(field) * rows + radius;
    let total = 0;
    for (let k = 1; k <= Math.min(reach, radius); k += 1) {
      total += frame.cells[base + side * k] ?? 0;
    }
    return total;
  };
  return {
    pressureAbove: sum('pressure_variant', 1),
    pressureBelow: sum('pressure_variant', -1),
    vacuumAbove: sum('vacuum_variant', 1),
    vacuumBelow: sum('vacuum_variant', -1),
  };
}
