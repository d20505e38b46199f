import { MAX_HISTORY_BINS } from '../wire/generated/facts';
import type { Frame } from './frame';

/** What a new bin did to the history. */
export type Arrival =
  /** The bin follows the newest one. */
  | { kind: 'append' }
  /** `missing` bins lie between it and the newest one; they stay as a gap. */
  | { kind: 'gap'; missing: number }
  /** The stream went back: newer bins are forgotten. */
  | { kind: 'rewind' }
  /** It is so far ahead that nothing older is kept. */
  | { kind: 'reset' };

/** Bins of which a consumer has not yet seen the present contents; empty when `from > to`. */
export interface DirtyRange {
  from: number;
  to: number;
}

/**
 * The newest bins by number, in a ring of fixed size.
 *
 * Bin `seq` is in slot `seq % capacity`, so that a texture of the same width can mirror it column by column.
 */
export class History {
  /** Grows with every change of what is kept. */
  revision = 0;
  private readonly slots: (Frame | undefined)[];
  private first = 0;
  private last = -1;
  private synced = -1;
  /** Older bins that came later, and the gaps beside them, of which the consumer has not seen the contents. */
  private filled: number[] = [];

  /** @param capacity bins kept (> 0). */
  constructor(readonly capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`capacity is ${capacity}; a positive integer is needed`);
    }
    this.slots = new Array<Frame | undefined>(capacity);
  }

  /** Number of the newest bin, -1 when there is none. */
  get head(): number {
    return this.last;
  }

  /** Number of the oldest bin kept; above `head` when there is none. */
  get tail(): number {
    return this.first;
  }

  get empty(): boolean {
    return this.last < this.first;
  }

  slotOf(seq: number): number {
    return seq % this.capacity;
  }

  /** The bin of that number, or undefined when it is not kept or never came. */
  at(seq: number): Frame | undefined {
    return seq >= this.first && seq <= this.last ? this.slots[this.slotOf(seq)] : undefined;
  }

  get newest(): Frame | undefined {
    return this.at(this.last);
  }

  push(frame: Frame): Arrival {
    const { seq } = frame;
    this.revision += 1;
    const arrival = this.makeRoom(seq);
    this.slots[this.slotOf(seq)] = frame;
    this.last = seq;
    this.first = Math.max(this.first, seq - this.capacity + 1);
    return arrival;
  }

  /**
   * Puts a bin that was left out, or lies before the oldest one, into its place.
   *
   * @returns false when the ring has no room for it, or has it.
   */
  fill(frame: Frame): boolean {
    return this.at(frame.seq) === undefined && this.put(frame);
  }

  /** As {@link fill}, in place of what is there. */
  put(frame: Frame): boolean {
    const { seq } = frame;
    if (seq > this.last || seq < this.reach) return false;
    this.revision += 1;
    this.slots[this.slotOf(seq)] = frame;
    this.filled.push(seq);
    // What lies between is not there, which a mirror has to know.
    for (let gap = seq + 1; gap < this.first; gap += 1) this.filled.push(gap);
    this.first = Math.min(this.first, seq);
    return true;
  }

  /** Forgets the bins from `seq` on. */
  cut(seq: number): void {
    if (seq > this.last) return;
    this.revision += 1;
    if (seq <= this.first) this.restart(seq);
    else this.forgetFrom(seq);
    this.last = seq - 1;
  }

  /** Number of the oldest bin that could be kept beside the newest one. */
  get reach(): number {
    return Math.max(this.last - this.capacity + 1, 0);
  }

  private makeRoom(seq: number): Arrival {
    if (this.empty) {
      this.restart(seq);
      return { kind: 'reset' };
    }
    if (seq <= this.last) {
      if (seq <= this.first) this.restart(seq);
      else this.forgetFrom(seq);
      return { kind: 'rewind' };
    }
    const missing = seq - this.last - 1;
    if (missing >= this.capacity) {
      this.restart(seq);
      return { kind: 'reset' };
    }
    for (let gap = this.last + 1; gap < seq; gap += 1) this.slots[this.slotOf(gap)] = undefined;
    return missing > 0 ? { kind: 'gap', missing } : { kind: 'append' };
  }

  private forgetFrom(seq: number): void {
    for (let gone = seq; gone <= this.last; gone += 1) this.slots[this.slotOf(gone)] = undefined;
    this.synced = Math.min(this.synced, seq - 1);
  }

  private restart(seq: number): void {
    this.slots.fill(undefined);
    this.first = seq;
    this.last = seq - 1;
    this.synced = seq - 1;
    this.filled = [];
  }

  /** The bins that changed since the last call; the one consumer is the renderer's texture. */
  takeDirty(): DirtyRange {
    const range = { from: Math.max(this.synced + 1, this.first), to: this.last };
    this.synced = this.last;
    return range;
  }

  /** As {@link takeDirty}, the bins that {@link fill} brought, and the gaps it made. */
  takeFilled(): number[] {
    const filled = this.filled.filter((seq) => seq >= this.first && seq <= this.last);
    this.filled = [];
    return filled;
  }

  /** Makes every kept bin dirty again, for a texture that was lost. */
  invalidate(): void {
    this.synced = this.first - 1;
  }
}

/** How many bins there are in a range, gaps not counted. */
export function binsIn(history: History, { from, to }: DirtyRange): number {
  let bins = 0;
  for (let seq = from; seq <= to; seq += 1) {
    if (history.at(seq) !== undefined) bins += 1;
  }
  return bins;
}

/** Memory for exact cell values; together with the cell layout it decides how many bins are kept. */
const CELL_BUDGET_BYTES = 160 * 1024 * 1024;
/** As {@link CELL_BUDGET_BYTES}, for the columns of each coarser level. */
const COLUMN_BUDGET_BYTES = 88 * 1024 * 1024;
/** One request brings as many. */
const MOST_BINS = MAX_HISTORY_BINS;
const FEWEST_BINS = 256;

/** Bins to keep for bins of `valuesPerBin` float64 each, at most `widest` (the texture's limit). */
export function historyCapacity(valuesPerBin: number, widest: number): number {
  return affordable(CELL_BUDGET_BYTES, valuesPerBin, widest);
}

/** As {@link historyCapacity}, columns of several bins to keep of a session that has `columns` of them. */
export function columnCapacity(valuesPerBin: number, widest: number, columns: number): number {
  const room = affordable(COLUMN_BUDGET_BYTES, valuesPerBin, widest);
  return Math.min(room, Math.max(columns, FEWEST_BINS));
}

function affordable(bytes: number, valuesPerBin: number, widest: number): number {
  const bins = Math.floor(bytes / (valuesPerBin * Float64Array.BYTES_PER_ELEMENT));
  return Math.min(MOST_BINS, widest, Math.max(FEWEST_BINS, bins));
}
