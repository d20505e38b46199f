import { describe, expect, it } from 'vitest';

import {
  anything,
  bytes,
  clock,
  interval,
  params,
  percent,
  short,
  ticks,
} from '../../src/research/words';

describe('values in words', () => {
  it('have a dash where there is none', () => {
    expect([ticks(null), percent(undefined), short(null), anything(null)]).toEqual([
      '–',
      '–',
      '–',
      '–',
    ]);
    expect(interval(null, 1, ticks)).toBe('');
  });

  it('have units that fit', () => {
    expect(ticks(-1.25)).toBe('−1.25');
    expect(percent(0.4567)).toBe('45.7 %');
    expect(interval(-1, 2, ticks)).toBe('[−1.00, +2.00]');
    expect([bytes(0), bytes(1023), bytes(1024), bytes(5 * 1024 ** 3)]).toEqual([
      '0 B',
      '1,023 B',
      '1.0 KiB',
      '5.0 GiB',
    ]);
    expect(params({ span_bins: 20, of: ['a'] })).toBe('span_bins 20, of ["a"]');
  });

  it('are New York times', () => {
    expect(clock(Date.UTC(2026, 1, 6, 14, 31, 2, 500) * 1e6)).toBe('09:31:02.500');
    expect(clock(Date.UTC(2026, 6, 6, 4, 0, 0) * 1e6)).toBe('00:00:00.000');
  });
});
