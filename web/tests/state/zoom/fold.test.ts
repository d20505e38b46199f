import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Fold } from '../../../src/state/zoom/fold';
import type { Mark } from '../../../src/wire/generated/contract';
import type { GridUpdate } from '../../../src/wire/types';
import { LAYOUT, marketBins, pack } from '../../support/bins';
import { asOne, type WholeBin } from '../../support/columns';
import { RADIUS } from '../../support/market';

const TICK = 250_000_000n;

interface Case {
  bins: { update: GridUpdate; volumes: number[][] }[];
  /** What the first bin, the first two, ... are as one: what is not as in the last of them, and all volumes. */
  made: { changed: Partial<GridUpdate>; volumes: number[][] }[];
}

const GOLDEN = JSON.parse(
  readFileSync(new URL('../../../../tests/vp_stream/golden/columns.json', import.meta.url), 'utf8'),
) as { grid: { cell_int: string; rows: number }; cases: Record<string, Case> };

describe('a fold', () => {
  it.each(Object.entries(GOLDEN.cases))('is what the server makes: %s', (_name, { bins, made }) => {
    const { cell_int: cellInt, rows } = GOLDEN.grid;
    const names = ['rest_depth', 'buy_volume', 'flow_score', 'sell_volume'];
    const packed = (seq: number, [bought = [], sold = []]: number[][]): Float64Array => {
      const own = Array.from({ length: rows }, (_unused, row) => seq * 100 + row);
      return Float64Array.from([own, bought, own, sold].flat());
    };
    const fold = new Fold(names, rows, BigInt(cellInt));
    bins.forEach(({ update, volumes }, index) => {
      fold.add(update, packed(index, volumes));
      const wanted = made[index];
      expect(fold.column.update).toEqual({ ...update, skipped_bins: 0, ...wanted?.changed });
      expect(fold.column.cells).toEqual(packed(index, wanted?.volumes ?? []));
    });
  });

  const mark: fc.Arbitrary<Mark> = fc.record({
    kind: fc.constantFrom('iceberg', 'sweep', 'large', 'pull', 'spoof'),
    price_int: fc.integer({ min: -3, max: 3 }).map((tick) => String(BigInt(tick) * TICK)),
    size: fc.integer({ min: 1, max: 3 }),
    side: fc.constantFrom('buy', 'sell', 'none'),
    detail: fc.nat(2),
  });
  const changes = fc.record({
    at: fc.nat(119),
    moved: fc.integer({ min: -130, max: 130 }),
    apart: fc.constantFrom(0n, 1n, -1n, TICK - 1n),
    quoted: fc.boolean(),
    marks: fc.option(fc.array(mark, { maxLength: 12 }), { nil: undefined }),
    skipped: fc.nat(3),
  });
  const market = marketBins(120);

  it('is the same as looking at all of its bins anew, whatever these are', () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 9 }), (steps) => {
        const bins = steps.map(({ at, moved, apart, quoted, marks, skipped }): WholeBin => {
          const bin = market[at];
          if (bin === undefined) throw new RangeError(`there is no bin ${at}`);
          const update = { ...bin.update };
          delete update.marks;
          const spot = BigInt(update.spot_ref_price_int) + BigInt(moved) * TICK + apart;
          const quotes = quoted ? {} : NO_QUOTES;
          const told = marks === undefined ? {} : { marks };
          const spot_ref_price_int = String(spot);
          return {
            update: { ...update, spot_ref_price_int, skipped_bins: skipped, ...quotes, ...told },
            columns: bin.columns,
          };
        });
        const fold = new Fold(LAYOUT.columns, 2 * RADIUS + 1, TICK);
        bins.forEach((bin, index) => {
          fold.add(bin.update, pack(bin));
          const wanted = asOne(bins.slice(0, index + 1), TICK);
          const { update, cells } = fold.column;
          expect(update).toEqual(wanted.update);
          const packed = pack({ update, columns: { ...wanted.columns } });
          expect(cells.every((value, at) => value === packed[at])).toBe(true);
        });
      }),
    );
  });

  it('leaves the bins as they are', () => {
    const bins = market.slice(0, 40);
    const before = bins.map((bin) => pack(bin));
    const given = bins.map((bin) => pack(bin));
    const fold = new Fold(LAYOUT.columns, 2 * RADIUS + 1, TICK);
    bins.forEach(({ update }, index) => {
      fold.add(update, given[index] ?? new Float64Array());
    });
    expect(fold.column.update.every).toBe(40);
    expect(given).toEqual(before);
  });

  it('has no volumes by price where the server sends none', () => {
    const [bin] = market;
    if (bin === undefined) throw new Error('a bin is needed');
    const fold = new Fold(['rest_depth'], 3, TICK);
    fold.add(bin.update, Float64Array.of(1, 2, 3));
    fold.add(bin.update, Float64Array.of(4, 5, 6));
    expect(fold.column.cells).toEqual(Float64Array.of(4, 5, 6));
  });

  it('is of something', () => {
    expect(() => new Fold([], 1, 1n).column).toThrow('there is no bin');
  });
});

const NO_QUOTES = {
  bid_high_price_int: '0',
  bid_low_price_int: '0',
  ask_high_price_int: '0',
  ask_low_price_int: '0',
};
