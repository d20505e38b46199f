import type { GridUpdate } from '../wire/types';
import type { PriceGrid } from './price';
import { promotedOf } from './signal';
import { marksFrom, type Mark } from './tools/marks';

/** One bin, or several as one, ready to be drawn: prices in cells from the grid's base, times in unix ms. */
export interface Frame {
  /** Number of the bin, or of the column where several are one; `update.bin_seq` is always that of the last bin. */
  seq: number;
  startMs: number;
  endMs: number;
  valid: boolean;
  /** Cell of row k = 0; NaN when the server has no spot yet. */
  anchor: number;
  /** Best prices in cells; NaN when the book is not valid, so that they are never drawn as if it were. */
  bid: number;
  ask: number;
  /** Price of the last trade of this bin in cells; NaN when the bin has no trade. */
  trade: number;
  /** What was traded, by price. */
  prints: readonly Print[];
  /** What only order-level data show. */
  marks: readonly Mark[];
  /** Volume-weighted mean price since the start in cells; NaN when nothing was traded or the server does not say. */
  vwap: number;
  /** What was bought less what was sold since the start. */
  delta: number;
  /** The promoted signal from −1 (bearish) to 1 (bullish); see `promotedOf`. */
  lean: number;
  /** Everything the server said about the bin. */
  update: GridUpdate;
  /** Packed cells, see `CellLayout`. */
  cells: Float64Array;
}

/** What buyers and sellers took at one price, in lots. */
export interface Print {
  cell: number;
  buy: number;
  sell: number;
}

const NS_PER_MS = 1_000_000n;

/**
 * A bin as it is drawn.
 *
 * @param columns what is packed in `cells`; without the volumes by cell all trades are shown at the last price.
 */
export function makeFrame(
  update: GridUpdate,
  cells: Float64Array,
  grid: PriceGrid,
  columns: readonly string[] = [],
): Frame {
  const valid = update.book_valid;
  const cellsOf = (priceInt: string, known: boolean): number => {
    const price = BigInt(priceInt);
    return known && price > 0n ? grid.toCells(price) : NaN;
  };
  const anchor = Math.round(cellsOf(update.spot_ref_price_int, true));
  const trade = cellsOf(update.last_trade_price_int, update.trade_count > 0);
  return {
    seq: update.bin_seq,
    startMs: Number(BigInt(update.bin_start_ns) / NS_PER_MS),
    endMs: Number(BigInt(update.bin_end_ns) / NS_PER_MS),
    valid,
    anchor,
    bid: cellsOf(update.best_bid_price_int, valid),
    ask: cellsOf(update.best_ask_price_int, valid),
    trade,
    prints: printsOf(update, cells, columns, anchor, trade),
    marks: marksFrom(update.marks, grid),
    vwap: cellsOf(update.vwap_price_int, true),
    delta: update.cum_buy_volume - update.cum_sell_volume,
    lean: promotedOf(update.signal).lean,
    update,
    cells,
  };
}

function printsOf(
  { buy_volume: buy, sell_volume: sell }: GridUpdate,
  cells: Float64Array,
  columns: readonly string[],
  anchor: number,
  trade: number,
): Print[] {
  if (buy + sell === 0) return [];
  const rows = cells.length / Math.max(columns.length, 1);
  const [buys, sells] = [columns.indexOf('buy_volume'), columns.indexOf('sell_volume')];
  const prints: Print[] = [];
  for (let row = 0; buys >= 0 && sells >= 0 && row < rows; row += 1) {
    const at = { buy: cells[buys * rows + row] ?? 0, sell: cells[sells * rows + row] ?? 0 };
    if (at.buy + at.sell > 0) prints.push({ cell: anchor + row - (rows - 1) / 2, ...at });
  }
  // What was traded outside of the window is in the bin's volume alone.
  if (prints.length === 0 && !Number.isNaN(trade)) prints.push({ cell: trade, buy, sell });
  return prints;
}
