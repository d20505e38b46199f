import { streamIdentity, type GridUpdate, type RuntimeConfigMessage } from '../../wire/types';
import { extentOf, type Extent } from '../extent';
import type { Frame } from '../frame';
import { History, historyCapacity } from '../history';
import type { Asked } from '../lookback';
import { Overview } from '../overview';
import { cellSpan, PriceGrid } from '../price';
import type { Viewport } from '../viewport';
import type { Columns } from '../zoom/columns';
import { isWholeColumn, startsColumn } from '../zoom/levels';
import { LevelStores } from '../zoom/stores';

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
  /** What the map shows when it is zoomed out, or further back than {@link history} is kept. */
  stores: LevelStores;
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
    stores: new LevelStores(extent, columns, rows, widest),
    grid: null,
  };
}

/** The columns that a view shows, null where these are the bins of the stream. */
export function columnsOf({ history, grid, stores }: Stream, view: Viewport): Columns | null {
  return grid === null ? null : stores.of(view, history, grid);
}

/**
 * Takes over what came of a history: a bin as it is drawn, or several of them as one.
 *
 * What several are shows in what they hold, not in what was asked for: an answer to an earlier request may still come.
 *
 * @param asked what was asked for last.
 */
export function takeOlder(
  { history, overview, stores }: Stream,
  came: Frame | { update: GridUpdate; cells: Float64Array },
  asked: Asked | null,
): void {
  const { update, cells } = came;
  if ('seq' in came) {
    if (history.fill(came)) return;
  } else if (isWholeColumn(update, overview.every)) overview.add(update);
  else if (asked?.every === overview.every && startsColumn(update, overview.every)) {
    // The newest bins that there are may be no whole column.
    if (!stores.has(update)) overview.add(update);
  }
  stores.put(update, cells, history.head, asked);
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
