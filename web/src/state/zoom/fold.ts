import type { Mark } from '../../wire/generated/contract';
import { MARK_KINDS, MARK_SIDES, MOST_MARKS } from '../../wire/generated/facts';
import { BIN_FOLDS, CELL_FOLDS } from '../../wire/generated/folds';
import type { GridUpdate } from '../../wire/types';

/** Some bins that follow one another as one, as a server sends it for a `history` with `every`. */
export interface Folded {
  update: GridUpdate;
  /** Packed cells, see `CellLayout`. */
  cells: Float64Array;
}

const { first: FIRSTS, sum: SUMMED, highest: HIGHS, lowest: LOWS } = BIN_FOLDS;
const QUOTES = [...HIGHS, ...LOWS] as const;
const VOLUMES = CELL_FOLDS.sum;

type Quotes = Record<(typeof QUOTES)[number], string>;

/**
 * Makes one bin of several, by the rule of the server's `vp_stream.frames.overview`, one bin after the other: the last
 * of them, with the counts and volumes of all, their highest and lowest quotes, their largest marks, and the start of
 * the first. Volumes of a cell are summed by price, wherever the window of each bin lay; what lies outside of the last
 * bin's window is in the bin's volume alone.
 */
export class Fold {
  private bins = 0;
  private first: Pick<GridUpdate, (typeof FIRSTS)[number]> | null = null;
  private last: Folded | null = null;
  private readonly sums = membersOf(SUMMED, () => 0);
  /** Of the bins that had any. */
  private quotes: Quotes | null = null;
  /** The largest so far; null while no bin said whether it has any. */
  private marks: Mark[] | null = null;
  /** Volumes of the bins before the last one, buyers' then sellers', by the spot that their window lay around. */
  private readonly before = new Map<string, Float64Array>();
  private readonly starts: readonly number[];

  /**
   * @param columns what is packed in the cells. @param rows cells of a bin.
   * @param cellInt price span of one cell, as a `price_int`.
   */
  constructor(
    columns: readonly string[],
    private readonly rows: number,
    private readonly cellInt: bigint,
  ) {
    const at = VOLUMES.map((name) => columns.indexOf(name));
    this.starts = at.includes(-1) ? [] : at.map((index) => index * rows);
  }

  /** Adds the bin that follows the last one. */
  add(update: GridUpdate, cells: Float64Array): void {
    if (this.last !== null) this.keepVolumes(this.last);
    else this.first = membersOf(FIRSTS, (name) => update[name]);
    this.bins += 1;
    this.last = { update, cells };
    for (const name of SUMMED) this.sums[name] += update[name];
    this.widen(update);
    if (update.marks !== undefined) this.gather(update.marks);
  }

  /** The bins so far as one. There has to be one. */
  get column(): Folded {
    const { last } = this;
    if (last === null) throw new RangeError('there is no bin to make a column of');
    const update: GridUpdate = {
      ...last.update,
      ...this.sums,
      ...(this.quotes ?? membersOf(QUOTES, () => '0')),
      ...this.first,
      // How many bins a client was not sent is nothing that the market did.
      skipped_bins: 0,
      history: true,
      every: this.bins,
      ...(this.marks !== null && { marks: this.marks }),
    };
    return { update, cells: this.summedCells(last) };
  }

  private widen(update: GridUpdate): void {
    if (QUOTES.every((name) => update[name] === '0')) return;
    if (this.quotes === null) {
      this.quotes = membersOf(QUOTES, (name) => update[name]);
      return;
    }
    const { quotes } = this;
    for (const name of HIGHS) if (isAbove(update[name], quotes[name])) quotes[name] = update[name];
    for (const name of LOWS) if (isAbove(quotes[name], update[name])) quotes[name] = update[name];
  }

  private gather(marks: readonly Mark[]): void {
    if (this.marks !== null && marks.length === 0) return;
    this.marks = [...(this.marks ?? []), ...marks].sort(compareMarks).slice(0, MOST_MARKS);
  }

  private keepVolumes({ update, cells }: Folded): void {
    if (VOLUMES.every((name) => update[name] === 0)) return;
    const { rows } = this;
    const spot = update.spot_ref_price_int;
    const kept = this.before.get(spot) ?? new Float64Array(rows * this.starts.length);
    this.before.set(spot, kept);
    this.starts.forEach((start, side) => {
      for (let row = 0; row < rows; row += 1)
        kept[side * rows + row] = (kept[side * rows + row] ?? 0) + (cells[start + row] ?? 0);
    });
  }

  private summedCells({ update, cells }: Folded): Float64Array {
    const { rows } = this;
    const summed = cells.slice();
    const spot = BigInt(update.spot_ref_price_int);
    for (const [of, kept] of this.before) {
      // By so many rows a price stands higher in the last window.
      const moved = Number(floorDivided(BigInt(of) - spot, this.cellInt));
      if (Math.abs(moved) >= rows) continue;
      this.starts.forEach((start, side) => {
        for (let row = Math.max(moved, 0); row < Math.min(rows + moved, rows); row += 1)
          summed[start + row] = (summed[start + row] ?? 0) + (kept[side * rows + row - moved] ?? 0);
      });
    }
    return summed;
  }
}

function membersOf<Name extends string, Value>(
  names: readonly Name[],
  valueOf: (name: Name) => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, valueOf(name)])) as Record<Name, Value>;
}

function isAbove(price: string, other: string): boolean {
  return price !== other && BigInt(price) > BigInt(other);
}

function floorDivided(value: bigint, by: bigint): bigint {
  const whole = value / by;
  return value % by < 0n ? whole - 1n : whole;
}

/** The largest first, of equal ones by kind, price, side and detail. */
function compareMarks(a: Mark, b: Mark): number {
  const price = BigInt(a.price_int) - BigInt(b.price_int);
  return (
    b.size - a.size ||
    rankOf(MARK_KINDS, a.kind) - rankOf(MARK_KINDS, b.kind) ||
    Number(price) ||
    rankOf(MARK_SIDES, a.side) - rankOf(MARK_SIDES, b.side) ||
    a.detail - b.detail
  );
}

function rankOf(names: readonly string[], name: string): number {
  const rank = names.indexOf(name);
  return rank < 0 ? names.length : rank;
}
