import { CELL_FIELDS, cellLayout, type CellLayout } from '../../src/wire/cells';
import type { GridUpdate } from '../../src/wire/types';
import { makeFrame, type Frame } from '../../src/state/frame';
import { PriceGrid } from '../../src/state/price';
import { Market, RUNTIME_CONFIG, type MarketBin } from './market';

/** The cell layout of the invented market's stream. */
export const LAYOUT: CellLayout = cellLayout(
  RUNTIME_CONFIG.grid_fields.map((field) => field.name),
  RUNTIME_CONFIG.grid_rows,
);

/** The first `count` bins of the invented market. */
export function marketBins(count: number, seed = 7): MarketBin[] {
  const market = new Market(seed);
  return Array.from({ length: count }, () => market.next());
}

/** The cells of a bin as the worker packs them, put together column by column. */
export function pack({ columns }: MarketBin): Float64Array<ArrayBuffer> {
  const packed = new Float64Array(LAYOUT.columns.length * LAYOUT.rows);
  LAYOUT.columns.forEach((name, index) => {
    packed.set(columns[name] ?? [], index * LAYOUT.rows);
  });
  return packed;
}

export const GRID = new PriceGrid(250_000_000n, 5_978_250_000_000n, 2);

/** A frame of the invented market with another bin number and other scalars. */
export function frameWith(changes: Partial<GridUpdate>): Frame {
  const [bin] = marketBins(1);
  if (bin === undefined) throw new Error('the market gave no bin');
  return makeFrame({ ...bin.update, ...changes }, pack(bin), GRID);
}

/** Value of a field in a packed bin. */
export function packedValue(
  packed: Float64Array,
  field: (typeof CELL_FIELDS)[number],
  row: number,
): number {
  return packed[CELL_FIELDS.indexOf(field) * LAYOUT.rows + row] ?? NaN;
}
