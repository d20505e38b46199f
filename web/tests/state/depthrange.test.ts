import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  depthAt,
  depthHistogram,
  limitRange,
  MOST_DEPTH,
  parseRange,
  rangeText,
  stepOf,
} from '../../src/state/live/depthrange';
import { Store } from '../../src/state/store';
import { frameWith, LAYOUT, packedValue } from '../support/bins';

const depths = fc.integer({ min: -10, max: 2 * MOST_DEPTH });

describe('the range of depth', () => {
  it('has its high end above its low end, whatever is set', () => {
    fc.assert(
      fc.property(depths, fc.option(depths), (low, high) => {
        const limited = limitRange({ low, high });
        expect(limited.low).toBeGreaterThanOrEqual(0);
        expect(limited.high ?? Infinity).toBeGreaterThan(limited.low);
        expect(limited.high === null).toBe(high === null);
        expect(parseRange(rangeText(limited)) ?? { low: 0, high: null }).toEqual(limited);
      }),
    );
  });

  it('is left out of what is no range', () => {
    for (const text of [null, '', '5', 'x-y', '-5', '1-2-3', '1.5-3']) {
      expect(parseRange(text)).toBeNull();
    }
    expect(parseRange('9-3')).toEqual({ low: 9, high: 10 });
  });

  it('has sliders that grow with the depth and come back to it', () => {
    for (const step of [0, 60, 100, 199, 200]) expect(stepOf(depthAt(step, 200), 200)).toBe(step);
    expect([depthAt(0, 200), depthAt(200, 200)]).toEqual([0, MOST_DEPTH]);
  });

  it('is what the colours of depth are made from, and of nothing else', () => {
    const store = new Store(4096);
    const automatic = store.rangeOf('depth');
    store.setDepth({ low: 20, high: 150 });
    expect([store.lowOf('depth'), store.rangeOf('depth')]).toEqual([20, 150]);
    expect([store.lowOf('flow'), store.rangeOf('flow')]).toEqual([0, 1]);
    store.setDepth({ low: 0, high: null });
    expect(store.rangeOf('depth')).toBe(automatic);
  });
});

describe('depthHistogram', () => {
  it('counts every cell that has depth once', () => {
    const frame = frameWith({});
    const depthsOf = Array.from({ length: LAYOUT.rows }, (_cell, row) =>
      packedValue(frame.cells, 'rest_depth', row),
    );
    const counts = depthHistogram(frame, LAYOUT.rows, 20);
    const wanted = new Array<number>(20).fill(0);
    for (const depth of depthsOf.filter((size) => size > 0)) {
      const bar = Math.min(Math.round((Math.log(1 + depth) / Math.log(1 + MOST_DEPTH)) * 20), 19);
      wanted[bar] = (wanted[bar] ?? 0) + 1;
    }
    expect(counts).toEqual(wanted);
  });
});
