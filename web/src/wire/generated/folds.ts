/* Made by `npm run contract` from vp_contract.wire.columns. Edits are lost. */

/** Members of `grid_update` by what they are of several bins sent as one; all others are those of the last. */
export const BIN_FOLDS = {
  first: ['bin_start_ns'],
  sum: ['bin_event_count', 'trade_count', 'buy_volume', 'sell_volume'],
  highest: ['bid_high_price_int', 'ask_high_price_int'],
  lowest: ['bid_low_price_int', 'ask_low_price_int'],
} as const;

/** Columns of a cell, in the same way; they are put together by price. */
export const CELL_FOLDS = {
  sum: ['buy_volume', 'sell_volume'],
} as const;

/** About how long several bins are that are asked for as one, ms, by how far time is zoomed out. */
export const LEVELS_MS = [1000, 10000, 60000, 300000];
