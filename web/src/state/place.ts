import { formatClock, type TimeBase } from './clock';
import { parseRange, rangeText, type DepthRange } from './live/depthrange';
import { MODES, type ModeId } from './modes';

/** Where the user is: all of it is in the address, so that a reload, a bookmark or a link show the same. */
export interface Place {
  serving: string | null;
  /** New York time of day of the newest bin in view, null for wherever the server begins. */
  at: string | null;
  paused: boolean;
  mode: ModeId | null;
  /** Width of a bin, CSS px; a fraction of one where several bins are a column. */
  columnWidth: number | null;
  /** Rows above and below the centre. */
  halfRows: number | null;
  /** Which depths the colours tell apart, null for what follows. */
  depth: DepthRange | null;
}

const NAMES = {
  serving: 'serving',
  at: 'at',
  paused: 'paused',
  mode: 'mode',
  columnWidth: 'zoom',
  halfRows: 'rows',
  depth: 'depth',
} as const satisfies Record<keyof Place, string>;

/** The place that a query ("?serving=demo&at=09:31:30") names. What is not understood is left out. */
export function parsePlace(query: string): Place {
  const given = new URLSearchParams(query);
  const number = (name: string): number | null => {
    const value = Number.parseFloat(given.get(name) ?? '');
    return value > 0 && Number.isFinite(value) ? value : null;
  };
  const mode = given.get(NAMES.mode);
  return {
    serving: given.get(NAMES.serving),
    at: given.get(NAMES.at),
    paused: given.has(NAMES.paused),
    mode: MODES.find(({ id }) => id === mode)?.id ?? null,
    columnWidth: number(NAMES.columnWidth),
    halfRows: number(NAMES.halfRows),
    depth: parseRange(given.get(NAMES.depth)),
  };
}

/** The query of a place; other parameters of `query` are kept. */
export function formatPlace(place: Place, query = ''): string {
  const given = new URLSearchParams(query);
  const put = (key: keyof Place, value: string | null): void => {
    if (value === null) given.delete(NAMES[key]);
    else given.set(NAMES[key], value);
  };
  const rounded = (value: number | null): string | null =>
    value === null ? null : String(Number(value < 0.1 ? value.toPrecision(3) : value.toFixed(3)));
  put('serving', place.serving);
  put('at', place.at);
  put('paused', place.paused ? '1' : null);
  put('mode', place.mode);
  put('columnWidth', rounded(place.columnWidth));
  put('halfRows', rounded(place.halfRows));
  put('depth', place.depth && rangeText(place.depth));
  // Colons are allowed in a query, and times are to be read.
  return `?${given.toString().replaceAll('%3A', ':')}`;
}

/** The time of day at which a bin begins, as short as it gets without a loss. */
export function timeOfBin({ originMs, binMs }: TimeBase, seq: number): string {
  const [seconds = '', fraction = ''] = formatClock(originMs + seq * binMs, 'millis').split('.');
  const short = fraction.replace(/0+$/, '');
  return short === '' ? seconds : `${seconds}.${short}`;
}
