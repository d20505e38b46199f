import type { History } from '../history';

/** Which trades the tape shows. */
export interface TapeFilter {
  /** `all`, or of one aggressor only. */
  side: 'all' | 'buy' | 'sell';
  /** Smallest size, lots. */
  least: number;
}

/** What one aggressor took at one price in one bin. */
export interface TapeRow {
  seq: number;
  startMs: number;
  cell: number;
  side: 'buy' | 'sell';
  size: number;
}

/** Bins that are looked through at most, so that a rare size costs no more than a common one. */
const LOOK_BACK = 1200;

/**
 * The newest trades up to a bin, newest first.
 *
 * @param most rows at most.
 */
export function tapeOf(
  history: History,
  upTo: number,
  { side, least }: TapeFilter,
  most: number,
): TapeRow[] {
  const rows: TapeRow[] = [];
  const newest = Math.min(upTo, history.head);
  for (let seq = newest; seq >= history.tail && seq > newest - LOOK_BACK; seq -= 1) {
    const frame = history.at(seq);
    for (const print of frame?.prints ?? []) {
      for (const taker of ['buy', 'sell'] as const) {
        const size = print[taker];
        if (frame === undefined || size === 0 || size < least) continue;
        if (side !== 'all' && side !== taker) continue;
        rows.push({ seq, startMs: frame.startMs, cell: print.cell, side: taker, size });
        if (rows.length === most) return rows;
      }
    }
  }
  return rows;
}
