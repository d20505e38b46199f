import { streamIdentity, type GridUpdate, type RuntimeConfigMessage } from '../../wire/types';
import { extentOf, type Extent } from '../extent';
import { makeFrame, type Frame } from '../frame';
import { History, historyCapacity } from '../history';
import type { Asked } from '../lookback';
import { Overview } from '../overview';
import { cellSpan, PriceGrid } from '../price';
import type { Viewport } from '../viewport';
import type { Columns } from '../zoom/columns';
import { isWholeColumn, startsColumn } from '../zoom/levels';
import { LevelStores } from '../zoom/stores';
import { LatenessLog } from './lateness';
import { Profile } from './profile';

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
  /** What the grid is made of. */
  pricing: GridConfig;
  /** How late bins came. */
  lateness: LatenessLog;
  /** What was traded at each price. */
  profile: Profile;
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
  const history = new History(historyCapacity(columns.length * rows, widest));
  const overview = new Overview(extent.bins);
  return {
    identity: streamIdentity(message),
    history,
    columns,
    rows,
    binMs: config.cell_width_ms,
    extent,
    overview,
    stores: new LevelStores(extent, columns, rows, widest),
    grid: null,
    pricing: config,
    lateness: new LatenessLog(history.capacity),
    profile: new Profile(overview, history),
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
  { history, overview, stores, grid, columns }: Stream,
  came: Frame | { update: GridUpdate; cells: Float64Array },
  asked: Asked | null,
): void {
  const { update, cells } = came;
  if ('seq' in came) {
    if (history.fill(came)) return;
  } else if (isWholeColumn(update, overview.every)) {
    overview.add(update, grid && makeFrame(update, cells, grid, columns).prints);
  } else if (asked?.every === overview.every && startsColumn(update, overview.every)) {
    // The newest bins that there are may be no whole column.
    if (!stores.has(update)) overview.add(update);
  }
  stores.put(update, cells, history.head, asked);
}

type GridConfig = Parameters<typeof cellSpan>[0] & { price_decimals: number };

/** A bin as it is drawn; the first one with a spot gives the stream its grid. */
export function frameOf(stream: Stream, update: GridUpdate, cells: Float64Array): Frame {
  const { pricing, columns } = stream;
  stream.grid ??= firstGrid(update.spot_ref_price_int, pricing);
  return makeFrame(update, cells, stream.grid ?? anyGrid(pricing), columns);
}

/** The price grid that a first spot gives, or null while there is none. */
function firstGrid(spotInt: string, config: GridConfig): PriceGrid | null {
  const spot = BigInt(spotInt);
  return spot > 0n ? new PriceGrid(cellSpan(config), spot, config.price_decimals) : null;
}

/** Stands in while there is no spot: bins without a price have no place on it anyway. */
function anyGrid(config: GridConfig): PriceGrid {
  return new PriceGrid(cellSpan(config), 0n, config.price_decimals);
}
