/** Values as the research page writes them. */
import { NONE, fixed, signed, significant } from '../state/format';

/** Milliseconds in a nanosecond's JSON number, which has lost some of its last digits: times are shown to the ms. */
const NS_PER_MS = 1e6;

const NEW_YORK = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'America/New_York',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

export function orNone<T>(value: T | null | undefined, text: (value: T) => string): string {
  return value === null || value === undefined ? NONE : text(value);
}

/** Ticks with a sign, two decimals. */
export function ticks(value: number | null | undefined): string {
  return orNone(value, (known) => signed(known, 2));
}

/** A share of one, as a percentage. */
export function percent(value: number | null | undefined): string {
  return orNone(value, (known) => `${fixed(100 * known, 1)} %`);
}

/** A price of the quote currency. */
export function fixedPrice(value: number | null | undefined, decimals: number): string {
  return orNone(value, (known) => fixed(known, decimals));
}

/** Three significant digits. */
export function short(value: number | null | undefined): string {
  return orNone(value, (known) => significant(known, 3));
}

export function whole(value: number | null | undefined): string {
  return orNone(value, (known) => fixed(known, 0));
}

/** A threshold or another number that somebody chose: as they wrote it. */
export function plain(value: number): string {
  return String(value).replace('-', '−');
}

/** "[low, high]", or nothing where there is none. */
export function interval(
  low: number | null | undefined,
  high: number | null | undefined,
  text: (value: number) => string,
): string {
  if (low === null || low === undefined || high === null || high === undefined) return '';
  return `[${text(low)}, ${text(high)}]`;
}

/** Parameters as "name value, name value". */
export function params(values: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(values).map(([name, value]) => `${name} ${anything(value)}`);
  return parts.join(', ') || 'defaults';
}

/** A value of a configuration. */
export function anything(value: unknown): string {
  if (value === null || value === undefined) return NONE;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** New York time of day of ns since the epoch, to the millisecond. */
export function clock(ns: number): string {
  return NEW_YORK.format(ns / NS_PER_MS);
}

/** Time of UTC text such as "2026-02-06T14:30:00.123456Z", to the minute. */
export function minute(utc: string): string {
  return utc.replace('T', ' ').slice(0, 16);
}

/** Bytes with the unit that leaves one to three digits before the point. */
export function bytes(size: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(size, 1)) / 10), units.length - 1);
  return `${fixed(size / 1024 ** power, power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}
