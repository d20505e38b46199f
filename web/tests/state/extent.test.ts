import { describe, expect, it } from 'vitest';

import { extentOf, seekTarget } from '../../src/state/extent';

const DAY = { dt: '2026-02-06', start_time: '09:30', end_time: '10:00', cell_width_ms: 100 };
const NIGHT = { ...DAY, start_time: '18:00', end_time: '17:00' };

describe('extentOf', () => {
  it('is the configured part of the day', () => {
    const extent = extentOf(DAY);
    expect(extent).toEqual({ originMs: Date.UTC(2026, 1, 6, 14, 30), binMs: 100, bins: 18_000 });
  });

  it('goes over midnight when it ends before it starts', () => {
    expect(extentOf(NIGHT).bins).toBe(23 * 36_000);
  });
});

describe('seekTarget', () => {
  it.each([
    ['1200', 1200],
    [' #7 ', 7],
    ['9:30', 0],
    ['09:30:01', 10],
    ['09:30:01.25', 12],
    ['9:59:59.9', 17_999],
  ])('reads %s', (text, bin) => {
    expect(seekTarget(text, extentOf(DAY))).toEqual({ bin });
  });

  it('finds a time after midnight', () => {
    expect(seekTarget('0:00', extentOf(NIGHT))).toEqual({ bin: 6 * 36_000 });
    expect(seekTarget('18:00:01', extentOf(NIGHT))).toEqual({ bin: 10 });
  });

  it.each([
    ['abc', '"abc" is not a time.'],
    ['', 'That is not a time.'],
    ['9:61', '"9:61" is not a time.'],
    ['25:00', '"25:00" is not a time.'],
    ['16:00:00', '"16:00:00" is outside the session.'],
    ['9:29', '"9:29" is outside the session.'],
    ['18000', '"18000" is outside the session.'],
  ])('says of %j what is possible, in times', (text, problem) => {
    expect(seekTarget(text, extentOf(DAY))).toEqual({
      problem: `${problem} Possible: 09:30:00 to 09:59:59 New York time.`,
    });
  });

  it('waits for the config', () => {
    expect(seekTarget('9:30', null)).toHaveProperty('problem');
  });
});
