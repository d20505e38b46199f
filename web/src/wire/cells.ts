import { WireError } from './errors';
import type { GridColumn } from './types';

/**
 * The cell fields of every bin but `k`, in the order in which they are packed: those that are drawn first, then those
 * that are only read.
 */
export const CELL_FIELDS = [
  'flow_score',
  'pressure_variant',
  'vacuum_variant',
  'rest_depth',
  'state5_code',
  'bid_depth',
  'ask_depth',
  'composite',
  'flow_state_code',
  'add_mass',
  'pull_mass',
  'fill_mass',
  'v_add',
  'v_pull',
  'v_fill',
  'v_rest_depth',
  'v_bid_depth',
  'v_ask_depth',
  'a_add',
  'a_pull',
  'a_fill',
  'a_rest_depth',
  'a_bid_depth',
  'a_ask_depth',
  'j_add',
  'j_pull',
  'j_fill',
  'j_rest_depth',
  'j_bid_depth',
  'j_ask_depth',
  'composite_d1',
  'composite_d2',
  'composite_d3',
  'last_event_id',
] as const satisfies readonly GridColumn[];

/** As {@link CELL_FIELDS}, of servers of contract 1.1 and later. */
export const NEWER_FIELDS = ['buy_volume', 'sell_volume'] as const satisfies readonly GridColumn[];

export type CellField = (typeof CELL_FIELDS)[number];

/** Prefix of the projection columns; the rest of the name is the horizon in ms. */
export const PROJECTION_PREFIX = 'proj_';

/**
 * Which columns are packed, in order, and how many rows each has.
 *
 * Column `c`, row `i` of a bin is at `c * rows + i` of its packed array; row `i` is k = i - radius cells above
 * spot.
 */
export interface CellLayout {
  readonly columns: readonly string[];
  readonly rows: number;
}

/** The columns to keep of a grid with these fields: {@link CELL_FIELDS}, newer ones, then the projections by horizon. */
export function cellLayout(fieldNames: readonly string[], rows: number): CellLayout {
  const missing = CELL_FIELDS.filter((name) => !fieldNames.includes(name));
  if (missing.length > 0) {
    throw new WireError(`runtime_config.grid_fields lacks ${missing.join(', ')}`);
  }
  const projections = fieldNames
    .filter((name) => name.startsWith(PROJECTION_PREFIX))
    .sort((a, b) => projectionMs(a) - projectionMs(b));
  const newer = NEWER_FIELDS.filter((name) => fieldNames.includes(name));
  return { columns: [...CELL_FIELDS, ...newer, ...projections], rows };
}

/** Horizon in ms of a projection column ("proj_500" is 500). */
export function projectionMs(column: string): number {
  return Number(column.slice(PROJECTION_PREFIX.length));
}

/** Which of the packed columns is the projection over the longest horizon, -1 when there is none. */
export function longestProjection(columns: readonly string[]): number {
  return columns.findLastIndex((name) => name.startsWith(PROJECTION_PREFIX));
}
