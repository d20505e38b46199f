import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatClock, formatDate, newYorkOffset, newYorkTime } from '../../src/state/clock';

const HOUR = 3_600_000;

describe('New York time', () => {
  it('follows daylight saving to the hour', () => {
    const springForward = Date.UTC(2026, 2, 8, 7);
    expect(newYorkOffset(springForward - 1)).toBe(-5 * HOUR);
    expect(newYorkOffset(springForward)).toBe(-4 * HOUR);
    expect(formatClock(springForward - 1, 'millis')).toBe('01:59:59.999');
    expect(formatClock(springForward, 'minutes')).toBe('03:00');
  });

  it('writes the same time as the browser would', () => {
    const reference = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'America/New_York',
      hourCycle: 'h23',
      timeStyle: 'medium',
    });
    const times = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) });
    fc.assert(
      fc.property(times, (unixMs) => {
        expect(formatClock(unixMs, 'seconds')).toBe(reference.format(unixMs));
      }),
    );
  });

  it('writes as finely as asked, and the local date', () => {
    const evening = Date.UTC(2026, 1, 7, 2, 5, 6, 789);
    expect(formatClock(evening, 'tenths')).toBe('21:05:06.7');
    expect(formatClock(evening, 'millis')).toBe('21:05:06.789');
    expect(formatDate(evening)).toBe('2026-02-06');
  });

  it('is read back as it is written', () => {
    const times = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2040, 0) });
    fc.assert(
      fc.property(times, (unixMs) => {
        const read = newYorkTime(formatDate(unixMs), formatClock(unixMs, 'millis'));
        // The hour that comes twice a year is read as one of the two.
        expect(Math.abs(read - unixMs) % HOUR).toBe(0);
        expect(formatClock(read, 'millis')).toBe(formatClock(unixMs, 'millis'));
      }),
    );
    expect(newYorkTime('2026-02-06', 'noon')).toBeNaN();
  });
});
