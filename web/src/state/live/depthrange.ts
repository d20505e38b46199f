import { CELL_FIELDS } from '../../wire/cells';
import type { Frame } from '../frame';

/** Which depths the colours of the map tell apart, in lots. */
export interface DepthRange {
  /** Up to here a cell looks empty. */
  low: number;
  /** From here on a cell has the strongest colour; null follows what comes. */
  high: number | null;
}

export const AUTO_RANGE: DepthRange = { low: 0, high: null };

/** The largest depth that can be set, in lots. */
export const MOST_DEPTH = 10_000;

/** Both ends within what is possible, the high one above the low one. */
export function limitRange({ low, high }: DepthRange): DepthRange {
  const least = Math.min(Math.max(Math.round(low), 0), MOST_DEPTH - 1);
  return {
    low: least,
    high: high === null ? null : Math.min(Math.max(Math.round(high), least + 1), MOST_DEPTH),
  };
}

/** A range as text: "5-200", or "5-" where the high end follows; null for what is no range. */
export function parseRange(text: string | null): DepthRange | null {
  const match = /^(\d{1,6})-(\d{1,6})?$/.exec(text ?? '');
  if (match === null) return null;
  return limitRange({ low: Number(match[1]), high: match[2] ? Number(match[2]) : null });
}

/** See {@link parseRange}; null for the range that follows everything. */
export function rangeText({ low, high }: DepthRange): string | null {
  return low === 0 && high === null ? null : `${low}-${high ?? ''}`;
}

/** Position of a depth on a slider from 0 to `steps`: equal steps are equal factors. */
export function stepOf(depth: number, steps: number): number {
  return Math.round((Math.log1p(Math.max(depth, 0)) / Math.log1p(MOST_DEPTH)) * steps);
}

/** The depth at a position of a slider; see {@link stepOf}. */
export function depthAt(step: number, steps: number): number {
  return Math.round(Math.expm1((step / steps) * Math.log1p(MOST_DEPTH)));
}

const DEPTH = CELL_FIELDS.indexOf('rest_depth');

/**
 * How many cells of a bin have a depth of each size.
 *
 * @param rows cells of the bin.
 * @returns counts of `bars` equal parts of the slider's length; empty cells are not counted.
 */
export function depthHistogram({ cells }: Frame, rows: number, bars: number): number[] {
  const counts = new Array<number>(bars).fill(0);
  for (let row = 0; row < rows; row += 1) {
    const depth = cells[DEPTH * rows + row] ?? 0;
    if (!(depth > 0)) continue;
    const bar = Math.min(stepOf(depth, bars), bars - 1);
    counts[bar] = (counts[bar] ?? 0) + 1;
  }
  return counts;
}
