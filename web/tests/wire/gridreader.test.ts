import { tableFromIPC } from '@uwdata/flechette';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { decodeCells, GridReader } from '../../src/wire/decode';
import { WireError } from '../../src/wire/errors';
import { LAYOUT, marketBins, pack } from '../support/bins';
import { encodeGrid } from '../support/encode';

vi.mock('@uwdata/flechette', async (original) => {
  const real = await original<typeof import('@uwdata/flechette')>();
  return { ...real, tableFromIPC: vi.fn(real.tableFromIPC) };
});

const BINS = marketBins(20);
const GRIDS = BINS.map(({ columns }) => encodeGrid(columns));
const [FIRST] = GRIDS;
const [FIRST_BIN] = BINS;
if (FIRST === undefined || FIRST_BIN === undefined) throw new Error('the market gave no bin');

/** One that has read a grid before. */
function practised(): GridReader {
  const reader = new GridReader(LAYOUT);
  reader.read(FIRST ?? new Uint8Array());
  return reader;
}

/** What it reads, or the words in which it refuses. */
function outcome(read: () => Float64Array): Float64Array | string {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
    return (error as WireError).message;
  }
}

describe('GridReader', () => {
  beforeEach(() => {
    vi.mocked(tableFromIPC).mockClear();
  });

  it('reads what grids say of themselves once', () => {
    const reader = new GridReader(LAYOUT);
    BINS.forEach((bin, index) => {
      expect(reader.read(GRIDS[index] ?? new Uint8Array())).toEqual(pack(bin));
    });
    expect(tableFromIPC).toHaveBeenCalledTimes(1);
  });

  it('reads it again where it changes', () => {
    // Ends twice.
    const longer = Uint8Array.of(...FIRST, ...FIRST.slice(-8));
    const reader = practised();
    for (const bytes of [longer, FIRST, FIRST, longer])
      expect(reader.read(bytes)).toEqual(pack(FIRST_BIN));
    expect(tableFromIPC).toHaveBeenCalledTimes(4);
  });

  it('reads grids that lie elsewhere in their buffer', () => {
    const within = new Uint8Array(FIRST.length + 24);
    within.set(FIRST, 16);
    const view = within.subarray(16, 16 + FIRST.length);
    expect(practised().read(view)).toEqual(pack(FIRST_BIN));
  });

  it('refuses another order of rows', () => {
    const k = Float64Array.from(FIRST_BIN.columns.k ?? []).reverse();
    const bytes = encodeGrid({ ...FIRST_BIN.columns, k });
    expect(() => practised().read(bytes)).toThrow('from k=50 to k=-50');
  });

  it('answers damaged bytes as one that has read nothing before', () => {
    const damage = fc.tuple(fc.nat(FIRST.length - 1), fc.integer({ min: 1, max: 255 }));
    const length = fc.oneof(fc.constant(FIRST.length), fc.nat(FIRST.length));
    const reader = practised();
    fc.assert(
      fc.property(damage, length, ([at, flip], kept) => {
        reader.read(FIRST);
        const bytes = FIRST.slice(0, kept);
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ flip;
        const plain = outcome(() => decodeCells(bytes, LAYOUT));
        expect(outcome(() => reader.read(bytes))).toEqual(plain);
      }),
    );
  });

  it('gives of any depth the nearest double', () => {
    // Nothing else in the grid is this number.
    const mark = 2 ** 60 + 2 ** 20;
    const rows = LAYOUT.rows;
    const marked = encodeGrid({
      ...FIRST_BIN.columns,
      bid_depth: new Float64Array(rows).fill(mark),
    });
    const view = new DataView(marked.buffer, marked.byteOffset);
    const places = Array.from({ length: Math.floor(marked.length / 8) }, (_, word) => word * 8);
    const found = places.filter((at) => view.getBigInt64(at, true) === BigInt(mark));
    expect(found).toHaveLength(rows);
    const start = LAYOUT.columns.indexOf('bid_depth') * rows;
    const reader = practised();
    const depths = fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), {
      minLength: rows,
      maxLength: rows,
    });
    fc.assert(
      fc.property(depths, (values) => {
        values.forEach((value, row) => {
          view.setBigInt64(found[row] ?? 0, value, true);
        });
        const read = reader.read(marked).subarray(start, start + rows);
        expect(Array.from(read)).toEqual(values.map(Number));
      }),
    );
  });
});
