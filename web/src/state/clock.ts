const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;
const ZONE = 'America/New_York';

/** Made when it is needed: that takes longer than everything else a page does before it connects. */
let zoneParts: Intl.DateTimeFormat | undefined;

/** Offsets of the zone change on the hour only, so one look-up serves the whole hour. */
const offsetByHour = new Map<number, number>();

/** New York's offset from UTC at a time, in ms (negative). */
export function newYorkOffset(unixMs: number): number {
  const hour = Math.floor(unixMs / HOUR_MS);
  const known = offsetByHour.get(hour);
  if (known !== undefined) return known;
  const start = hour * HOUR_MS;
  zoneParts ??= new Intl.DateTimeFormat('en-US', {
    timeZone: ZONE,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts: Record<string, number> = {};
  for (const { type, value } of zoneParts.formatToParts(start)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour: h = 0, minute = 0, second = 0 } = parts;
  const offset = Date.UTC(year, month - 1, day, h, minute, second) - start;
  offsetByHour.set(hour, offset);
  return offset;
}

/** How finely a time of day is written. */
export type ClockDetail = 'minutes' | 'seconds' | 'tenths' | 'millis';

/** Time of day in New York: "09:30", "09:30:05", "09:30:05.1" or "09:30:05.100". */
export function formatClock(unixMs: number, detail: ClockDetail): string {
  const ofDay = timeOfDay(unixMs);
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
  const minutes = `${pad(Math.floor(ofDay / HOUR_MS))}:${pad(Math.floor(ofDay / MINUTE_MS) % 60)}`;
  if (detail === 'minutes') return minutes;
  const seconds = `${minutes}:${pad(Math.floor(ofDay / 1000) % 60)}`;
  if (detail === 'seconds') return seconds;
  const millis = ofDay % 1000;
  return detail === 'tenths'
    ? `${seconds}.${Math.floor(millis / 100)}`
    : `${seconds}.${pad(millis, 3)}`;
}

/** Milliseconds since New York's midnight. */
export function timeOfDay(unixMs: number): number {
  const local = Math.floor(unixMs) + newYorkOffset(unixMs);
  return ((local % DAY_MS) + DAY_MS) % DAY_MS;
}

/** Date in New York as "2026-02-06". */
export function formatDate(unixMs: number): string {
  return new Date(unixMs + newYorkOffset(unixMs)).toISOString().slice(0, 10);
}

/** Unix ms of a New York date ("2026-02-06") and time of day ("09:30" to "09:30:05.100"). NaN when it is neither. */
export function newYorkTime(date: string, time: string): number {
  const local = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}Z`);
  // Where the clock goes back the earlier of two times is meant.
  return Number.isNaN(local) ? NaN : local - newYorkOffset(local - newYorkOffset(local));
}

/** How bin numbers and times belong together. */
export interface TimeBase {
  /** Unix ms at which bin 0 starts. */
  originMs: number;
  binMs: number;
}
