import { streamIdentity, type RuntimeConfigMessage } from '../../wire/types';
import { extentOf, type Extent } from '../extent';
import { History, historyCapacity } from '../history';
import { Overview } from '../overview';
import { cellSpan, PriceGrid } from '../price';

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

/**
 * A stream of which nothing has come yet.
 *
 * @param widest most columns the renderer can hold.
 */
export function newStream(
  message: RuntimeConfigMessage,
  columns: readonly string[],
  widest: number,
): Stream {
  const { config, grid_rows: rows } = message;
  const extent = extentOf(config);
  return {
    identity: streamIdentity(message),
    history: new History(historyCapacity(columns.length * rows, widest)),
    columns,
    rows,
    binMs: config.cell_width_ms,
    extent,
    overview: new Overview(extent.bins),
    grid: null,
  };
}

type GridConfig = Parameters<typeof cellSpan>[0] & { price_decimals: number };

/** The price grid that a first spot gives, or null while there is none. */
export function firstGrid(spotInt: string, config: GridConfig): PriceGrid | null {
  const spot = BigInt(spotInt);
  return spot > 0n ? new PriceGrid(cellSpan(config), spot, config.price_decimals) : null;
}

/** Stands in while there is no spot: bins without a price have no place on it anyway. */
export function anyGrid(config: GridConfig): PriceGrid {
  return new PriceGrid(cellSpan(config), 0n, config.price_decimals);
}
