import type { GridUpdate } from '../wire/types';
import type { PriceGrid } from './price';

/** One bin, ready to be drawn: prices in cells from the grid's base, times in unix ms. */
export interface Frame {
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
  /** Everything the server said about the bin. */
  update: GridUpdate;
  /** Packed cells, see `CellLayout`. */
  cells: Float64Array;
}

const NS_PER_MS = 1_000_000n;

export function makeFrame(update: GridUpdate, cells: Float64Array, grid: PriceGrid): Frame {
  const valid = update.book_valid;
  const cellsOf = (priceInt: string, known: boolean): number => {
    const price = BigInt(priceInt);
    return known && price > 0n ? grid.toCells(price) : NaN;
  };
  return {
    seq: update.bin_seq,
    startMs: Number(BigInt(update.bin_start_ns) / NS_PER_MS),
    endMs: Number(BigInt(update.bin_end_ns) / NS_PER_MS),
    valid,
    anchor: Math.round(cellsOf(update.spot_ref_price_int, true)),
    bid: cellsOf(update.best_bid_price_int, valid),
    ask: cellsOf(update.best_ask_price_int, valid),
    trade: cellsOf(update.last_trade_price_int, update.trade_count > 0),
    update,
    cells,
  };
}
