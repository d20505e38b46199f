import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { brief, count, fixed, NONE, significant, signed } from '../../src/state/format';
import {
  INITIAL_SCALE,
  largeMagnitude,
  niceCeil,
  observeMagnitude,
  type AutoScale,
} from '../../src/state/scale';

function observed(scale: AutoScale, magnitude: number, times: number): AutoScale {
  let state = scale;
  for (let i = 0; i < times; i += 1) state = observeMagnitude(state, magnitude);
  return state;
}

describe('niceCeil', () => {
  it('is the next 1, 2 or 5 of a decade', () => {
    const values = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(values, (value) => {
        const nice = niceCeil(value);
        expect(nice).toBeGreaterThanOrEqual(value * (1 - 1e-9));
        expect(nice).toBeLessThanOrEqual(value * 2.5 * (1 + 1e-9));
        expect([1, 2, 5]).toContain(Number(nice.toExponential(0).charAt(0)));
      }),
    );
  });
});

describe('observeMagnitude', () => {
  it('holds what it is shown within the range, in round steps', () => {
    expect(observed(INITIAL_SCALE, 73, 50).range).toBe(100);
  });

  it('does not flicker around a step', () => {
    let scale = observed(INITIAL_SCALE, 99, 50);
    const ranges = new Set<number>();
    for (let i = 0; i < 500; i += 1) {
      scale = observeMagnitude(scale, 60 + 39 * Math.abs(Math.sin(i)));
      ranges.add(scale.range);
    }
    expect([...ranges]).toEqual([100]);
  });

  it('comes down when the quantity stays small, and stays put on silence', () => {
    const high = observed(INITIAL_SCALE, 1000, 50);
    expect(observed(high, 1, 5000).range).toBeLessThanOrEqual(5);
    expect(observed(INITIAL_SCALE, 0, 10)).toEqual(INITIAL_SCALE);
  });
});

describe('largeMagnitude', () => {
  it('passes over a few extreme cells and the sign', () => {
    const values = Float64Array.from({ length: 101 }, (_unused, index) => -index);
    expect(largeMagnitude(values)).toBe(97);
  });
});

describe('number formats', () => {
  it.each([
    [fixed(-1234.5, 1), '−1,234.5'],
    [fixed(-0.0001, 2), '0.00'],
    [fixed(NaN, 2), NONE],
    [signed(0.25, 2), '+0.25'],
    [signed(0.001, 2), '0.00'],
    [signed(-0.25, 2), '−0.25'],
    [significant(1234.567, 3), '1,235'],
    [significant(0.012345, 3), '0.0123'],
    [significant(0, 3), '0'],
    [significant(-1.5e-7, 2), '0'],
    [significant(9.046e-154, 7), '0'],
    [significant(0.000123456, 4), '0.000123'],
    [significant(2.5e12, 3), '2,500,000,000,000'],
    [count(1234567), '1,234,567'],
    [brief(0.00049), '0'],
    [brief(-0.0051), '−0.005'],
    [brief(-0.5), '−0.500'],
    [brief(12.345), '12.3'],
    [brief(-1234.5), '−1,235'],
    [brief(9999.4), '9,999'],
    [brief(9999.5), '10.0k'],
    [brief(-12345), '−12.3k'],
    [brief(99_950), '100k'],
    [brief(NaN), NONE],
  ])('%s is %s', (text, expected) => {
    expect(text).toBe(expected);
  });
});
