/**
 * How far time is zoomed. Beyond a device px a bin, several bins are one column, as the server sums them up: a level is
 * so many bins a column, and a zoom is a level with the width of its columns.
 */
import { MAX_HISTORY_STEP } from '../../wire/generated/facts';
import { LEVELS_MS } from '../../wire/generated/folds';
import type { GridUpdate } from '../../wire/types';

/** Bins a column, and the width of a column in device px. */
export interface TimeZoom {
  every: number;
  columnPx: number;
}

/** Widths of a column in device px. All are whole: columns of broken widths shimmer, and are drawn at another zoom. */
const COLUMN_PX = [96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];
/** The greatest width of a column, CSS px. */
export const WIDEST = 32;
/** Narrowest columns of a level between the finest and the coarsest, device px: so few of them fill the widest map. */
const NARROWEST_BETWEEN = 2;

/**
 * Bins a column of each level, the finest first: 1, then those of about 1 s, 10 s, 1 min and 5 min, as far as these are
 * longer than the level before and can be asked for.
 */
export function levelsOf(binMs: number): readonly number[] {
  const levels = [1];
  for (const ms of LEVELS_MS) {
    const every = Math.round(ms / binMs);
    if (every > (levels.at(-1) ?? 1) && every <= MAX_HISTORY_STEP) levels.push(every);
  }
  return levels;
}

/** Every zoom there is, widest bins first; each has narrower bins than the one before. */
export function zoomsOf(levels: readonly number[], ratio: number): readonly TimeZoom[] {
  const zooms: TimeZoom[] = [];
  let narrowest = Infinity;
  levels.forEach((every, index) => {
    const between = index > 0 && index < levels.length - 1;
    for (const columnPx of COLUMN_PX) {
      if (columnPx > WIDEST * ratio || columnPx / every >= narrowest) continue;
      if (between && columnPx < NARROWEST_BETWEEN) continue;
      narrowest = columnPx / every;
      zooms.push({ every, columnPx });
    }
  });
  return zooms;
}

/**
 * The zoom at which a bin is about that wide.
 *
 * @param binWidth CSS px; a fraction of one where several bins are a column.
 */
export function zoomOf(binWidth: number, levels: readonly number[], ratio: number): TimeZoom {
  const px = binWidth * ratio;
  if (px >= 1 || levels.length === 1) return { every: 1, columnPx: Math.max(Math.round(px), 1) };
  let nearest: TimeZoom = { every: 1, columnPx: 1 };
  let least = Infinity;
  for (const zoom of zoomsOf(levels, ratio)) {
    const away = Math.abs(Math.log(binPxOf(zoom) / px));
    if (away < least) [nearest, least] = [zoom, away];
  }
  return nearest;
}

/** The zoom some steps on, in at positive ones; every step is another zoom, up to the ends. */
export function zoomedBy(
  zoom: TimeZoom,
  steps: number,
  levels: readonly number[],
  ratio: number,
): TimeZoom {
  const px = binPxOf(zoom);
  const all = zoomsOf(levels, ratio);
  if (steps > 0) {
    const wider = all.filter((other) => binPxOf(other) > px);
    return wider.at(-steps) ?? wider[0] ?? zoom;
  }
  const narrower = all.filter((other) => binPxOf(other) < px);
  return narrower[-steps - 1] ?? narrower.at(-1) ?? zoom;
}

/** Width of a bin, CSS px: what is kept of a zoom. */
export function binWidthOf(zoom: TimeZoom, ratio: number): number {
  return binPxOf(zoom) / ratio;
}

function binPxOf({ every, columnPx }: TimeZoom): number {
  return columnPx / every;
}

/** Whether the bins that were sent as one are a whole column of `every` bins. */
export function isWholeColumn(update: GridUpdate, every: number): boolean {
  return (update.every ?? 1) === every && startsColumn(update, every);
}

/** Whether the bins that were sent as one begin where a column of `every` bins does. */
export function startsColumn(
  { bin_seq: last, every: bins = 1 }: GridUpdate,
  every: number,
): boolean {
  return bins <= every && (last - bins + 1) % every === 0;
}

/** A length of time in the unit that fits it: "0.5 s", "10 s", "5 min". */
export function spanText(ms: number): string {
  const [value, unit] = ms < 60_000 ? [ms / 1000, 's'] : [ms / 60_000, 'min'];
  return `${Number(value.toFixed(2))} ${unit}`;
}
