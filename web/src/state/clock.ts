const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;
const ZONE = 'America/New_York';

const zoneParts = new Intl.DateTimeFormat('en-US', {
  timeZone: ZONE,
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** Offsets of the zone change on the hour only, so one look-up serves the whole hour. */
const offsetByHour = new Map<number, number>();

/** New York's offset from UTC at a time, in ms (negative). */
export function newYorkOffset(unixMs: number): number {
  const hour = Math.floor(unixMs / HOUR_MS);
  const known = offsetByHour.get(hour);
  if (known !== undefined) return known;
  const start = hour * HOUR_MS;
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

const CLOCK_TEXT = /^(\d{1,2}):([0-5]\d)(?::([0-5]\d))?$/;
const BIN_TEXT = /^#?\d{1,12}$/;

/** How bin numbers and times belong together. */
export interface TimeBase {
  /** Unix ms at which bin 0 starts. */
  originMs: number;
  binMs: number;
}

/**
 * Reads where the user wants to go: a bin number ("1200", "#1200") or a New York time of day ("9:30", "09:30:15").
 *
 * @returns the bin number (>= 0), or null when the text is neither, or the time lies before the first bin's day
 *   time.
 */
export function parseSeekTarget(text: string, base: TimeBase | null): number | null {
  const wanted = text.trim();
  if (BIN_TEXT.test(wanted)) return Number(wanted.replace('#', ''));
  const match = CLOCK_TEXT.exec(wanted);
  if (match === null || base === null) return null;
  const [hours, minutes, seconds] = [match[1], match[2], match[3] ?? '0'].map(Number);
  const ofDay = (hours ?? 0) * HOUR_MS + (minutes ?? 0) * MINUTE_MS + (seconds ?? 0) * 1000;
  const bin = Math.floor((ofDay - timeOfDay(base.originMs)) / base.binMs);
  return ofDay < DAY_MS && bin >= 0 ? bin : null;
}
