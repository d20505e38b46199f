import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parsePrice } from '../../src/state/price';
import { priceStep, priceTicks, timeStep, timeTicks } from '../../src/state/ticks';

const tickSizes = fc.constantFrom('0.25', '0.01', '0.03125', '0.005', '1', '0.5', '12.5');

describe('priceStep', () => {
  it('is a whole number of cells, wide enough, and not needlessly wide', () => {
    const cellPx = fc.double({ min: 0.5, max: 60, noNaN: true });
    fc.assert(
      fc.property(tickSizes, cellPx, (tick, px) => {
        const cell = parsePrice(tick);
        const step = priceStep(cell, px, 40);
        expect(step % cell).toBe(0n);
        const stepPx = (Number(step) / Number(cell)) * px;
        expect(stepPx).toBeGreaterThanOrEqual(Math.min(40, stepPx));
        expect(stepPx).toBeGreaterThanOrEqual(40 - 1e-9);
        expect(stepPx).toBeLessThan(Math.max(40 * 5.1, px * 1.01));
      }),
    );
  });

  it('gives round prices', () => {
    expect(priceStep(parsePrice('0.25'), 8, 40)).toBe(parsePrice('2'));
    expect(priceStep(parsePrice('0.01'), 8, 40)).toBe(parsePrice('0.05'));
  });
});

describe('priceTicks', () => {
  it('lists exactly the multiples of the step in sight', () => {
    const grid = { cellInt: parsePrice('0.25'), baseInt: parsePrice('5978.25') };
    const ticks = priceTicks(grid, -7.5, 7.5, parsePrice('1'));
    expect(ticks.map((tick) => tick.value)).toEqual(
      ['5977', '5978', '5979', '5980'].map(parsePrice),
    );
    expect(ticks.map((tick) => tick.at)).toEqual([-5, -1, 3, 7]);
  });
});

describe('time axis', () => {
  it('takes the smallest round step that leaves room', () => {
    expect(timeStep(33, 90)).toBe(5000);
    expect(timeStep(1, 90)).toBe(100);
    expect(timeStep(1e6, 90)).toBe(86_400_000);
  });

  it('lists the multiples of the step in sight, ends included', () => {
    expect(timeTicks(10_000, 25_000, 5000)).toEqual([10_000, 15_000, 20_000, 25_000]);
    expect(timeTicks(10_001, 14_999, 5000)).toEqual([]);
  });
});
