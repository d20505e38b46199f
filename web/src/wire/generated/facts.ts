/* Made by `npm run contract` from vp_contract.wire. Edits are lost. */

/** What a mark may be, in the order in which marks of equal size stand. */
export const MARK_KINDS = ['iceberg', 'sweep', 'large', 'pull'] as const;

/** Whose a mark may be, in the same order. */
export const MARK_SIDES = ['buy', 'sell', 'none'] as const;

/** Marks of a bin, and of several as one. */
export const MOST_MARKS = 16;

/** Bins that one `history` may ask for. */
export const MAX_HISTORY_BINS = 4096;

/** Bins that a `history` may ask for as one. */
export const MAX_HISTORY_STEP = 36000;

/** Bins that a client which acknowledges may have on the way. */
export const ACK_WINDOW_BINS = 64;

/** How many times as fast as the market was a client may play. */
export const PLAY_SPEED = { least: 0.25, most: 60 } as const;
