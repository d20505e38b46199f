import { formatClock, newYorkTime, timeOfDay, type TimeBase } from './clock';

/** Which bins a session has, and when: bin 0 starts at `originMs`. */
export interface Extent extends TimeBase {
  /** Bins at most; a session may end early. */
  bins: number;
}

const DAY_MS = 86_400_000;

/** The extent of a configured capture, [start_time, end_time) from New York date `dt` on. */
export function extentOf(config: {
  dt: string;
  start_time: string;
  end_time: string;
  cell_width_ms: number;
}): Extent {
  const originMs = newYorkTime(config.dt, config.start_time);
  const sameDay = newYorkTime(config.dt, config.end_time);
  // An end at or before the start is of the next day.
  const endMs = sameDay > originMs ? sameDay : sameDay + DAY_MS;
  const binMs = config.cell_width_ms;
  return { originMs, binMs, bins: Math.max(Math.ceil((endMs - originMs) / binMs), 1) };
}

const CLOCK_TEXT = /^(\d{1,2}):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,3}))?)?$/;
const BIN_TEXT = /^#?(\d{1,12})$/;

/** Where the user wants to go, or why that is not possible. */
export type SeekTarget = { bin: number } | { problem: string };

/**
 * Reads where the user wants to go: a New York time of day ("9:30", "09:30:15.5") or a bin number ("1200", "#1200").
 *
 * A session over midnight takes the time of the day on which it has bins.
 */
export function seekTarget(text: string, extent: Extent | null): SeekTarget {
  const wanted = text.trim();
  if (extent === null) return { problem: 'Nothing is known of the session yet.' };
  const number = BIN_TEXT.exec(wanted);
  const match = CLOCK_TEXT.exec(wanted);
  const bins = number !== null ? [Number(number[1])] : match !== null ? binsAt(match, extent) : [];
  const bin = bins.find((candidate) => candidate >= 0 && candidate < extent.bins);
  if (bin !== undefined) return { bin };
  const asked = wanted === '' ? 'That' : `"${wanted}"`;
  const why = bins.length > 0 ? 'is outside the session' : 'is not a time';
  return { problem: `${asked} ${why}. ${possibleTimes(extent)}` };
}

/** What can be gone to, in New York times. */
export function possibleTimes(extent: Extent): string {
  const { originMs, binMs, bins } = extent;
  const first = formatClock(originMs, 'seconds');
  const last = formatClock(originMs + (bins - 1) * binMs, 'seconds');
  return `Possible: ${first} to ${last} New York time.`;
}

function binsAt(match: RegExpExecArray, { originMs, binMs }: Extent): number[] {
  const [hours, minutes, seconds] = [match[1], match[2], match[3] ?? '0'].map(Number);
  const fraction = Number((match[4] ?? '0').padEnd(3, '0'));
  const ofDay = (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000 + fraction;
  if (ofDay >= DAY_MS) return [];
  const today = Math.floor((ofDay - timeOfDay(originMs)) / binMs);
  return [today, today + DAY_MS / binMs];
}
