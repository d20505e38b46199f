import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { cellSpan, formatPrice, parsePrice, PriceGrid } from '../../src/state/price';

const priceInt = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });

describe('parsePrice', () => {
  it.each([
    ['0.25', 250_000_000n],
    ['5978', 5_978_000_000_000n],
    ['-0.000000001', -1n],
    ['0.0100000000000', 10_000_000n],
  ])('reads %s exactly', (text, expected) => {
    expect(parsePrice(text)).toBe(expected);
  });

  it.each(['', 'abc', '1e3', '0.0000000001', '1.', '.5'])('refuses %j', (text) => {
    expect(() => parsePrice(text)).toThrow(RangeError);
  });

  it('takes back what formatPrice wrote with all places', () => {
    fc.assert(
      fc.property(priceInt, (price) => {
        const text = formatPrice(price, 9).replaceAll(',', '').replace('−', '-');
        expect(parsePrice(text)).toBe(price);
      }),
    );
  });
});

describe('formatPrice', () => {
  it.each([
    [5_978_250_000_000n, 2, '5,978.25'],
    [5_978_125_000_000n, 2, '5,978.13'],
    [5_978_125_000_000n, 3, '5,978.125'],
    [-500_000_000n, 0, '−1'],
    [-1n, 2, '0.00'],
    [1_234_567_000_000_000n, 0, '1,234,567'],
  ])('writes %s with %i places as %s', (price, decimals, expected) => {
    expect(formatPrice(price, decimals)).toBe(expected);
  });
});

describe('PriceGrid', () => {
  it('goes from cell to price and back', () => {
    const cells = fc.integer({ min: -1_000_000, max: 1_000_000 });
    const spans = fc.bigInt({ min: 1n, max: 10n ** 12n });
    fc.assert(
      fc.property(cells, spans, priceInt, (cell, span, base) => {
        const grid = new PriceGrid(span, base, 2);
        expect(grid.toCells(grid.priceAt(cell))).toBe(cell);
      }),
    );
  });

  it('places a true price inside a bucket at a fraction', () => {
    const grid = new PriceGrid(parsePrice('0.5'), parsePrice('100'), 2);
    expect(grid.toCells(parsePrice('100.13'))).toBeCloseTo(0.26, 12);
    expect(grid.toCells(parsePrice('99.75'))).toBe(-0.5);
  });

  it('refuses a cell without a span', () => {
    expect(() => new PriceGrid(0n, 0n, 2)).toThrow('cell span is 0');
  });

  it('takes the bucket as the cell where there is one', () => {
    expect(cellSpan({ tick_size: '0.01', bucket_size_dollars: '0.5' })).toBe(500_000_000n);
    expect(cellSpan({ tick_size: '0.25', bucket_size_dollars: null })).toBe(250_000_000n);
  });
});
