import type { GridUpdate } from '../../wire/types';
import { makeFrame, type Frame } from '../frame';
import { History } from '../history';
import type { Kept, Stretch } from '../lookback';
import type { PriceGrid } from '../price';
import { Fold } from './fold';
import { isWholeColumn, startsColumn } from './levels';

/** What columns are made of and with. */
export interface Making {
  /** What is packed in the cells of a bin, and how many cells that are. */
  columns: readonly string[];
  rows: number;
  grid: PriceGrid;
}

/** A column that is not over is asked for again after so long, ms, and so much more for each of its bins. */
const GROWN_MS = 1000;
const GROWN_MS_A_BIN = 4;

/**
 * The columns of one level, by number: column `i` has the bins from `i * every` on, and in it `Frame.seq` is `i`.
 *
 * They come from the server, and from the bins of the stream as these come: a column of which every bin is there is
 * made here, by the same rule. One that is not over has the bins up to the stream's newest. A window of fixed size is
 * kept: it ends at the newest column, or lies around what is looked at where that is further back.
 */
export class Columns {
  readonly history: History;
  /** The stream's newest bin, as of the last {@link follow}. */
  private head = -1;
  /** The last column that may be kept; -1 until it is known what is looked at. */
  private end = -1;
  /** Bins of the column that grows, and the bin that is needed next: with no fold, the first of a column. */
  private fold: Fold | null = null;
  private next = 0;
  private seen = -1;
  private grownUntilMs = -Infinity;

  /** @param capacity columns kept. */
  constructor(
    readonly every: number,
    capacity: number,
    private readonly making: Making,
  ) {
    this.history = new History(capacity);
  }

  /**
   * Brings it up to date with the stream, and moves the window so that it has what is looked at.
   *
   * @param bins of the stream. @param visible columns in view.
   */
  follow(bins: History, visible: Stretch): void {
    if (bins.empty) return;
    if (bins.head < this.head) this.goBack(bins.head);
    this.head = bins.head;
    const anchored = this.place(visible);
    if (bins.revision === this.seen) return;
    if (this.every === 1) this.copy(bins, visible);
    else if (anchored) {
      this.seen = bins.revision;
      this.take(bins);
    }
  }

  /**
   * Takes over what a server sent for a history.
   *
   * @param head the stream's newest bin. @param asked the last bin that was asked for at this level, if any was.
   * @returns false for what is no column of this level, lies ahead of the stream or outside of the window, or is kept.
   */
  put(update: GridUpdate, cells: Float64Array, head: number, asked: number | null): boolean {
    const { every } = this;
    const last = update.bin_seq;
    // A part of a column is right only up to where it was asked for.
    const fits = isWholeColumn(update, every) || (last === asked && startsColumn(update, every));
    return fits && last <= head && this.set(update, cells);
  }

  /** The columns that need not be asked for, for a stream that is at bin `head`. */
  kept(head: number, nowMs: number): Kept {
    const { every, history } = this;
    const column = this.columnOf(head);
    const end = this.end < 0 || head > this.head ? column : Math.min(this.end, column);
    return {
      head: end,
      reach: Math.max(end - history.capacity + 1, 0),
      at: (index) => {
        const frame = history.at(index);
        if (frame === undefined) return undefined;
        const grows = index === column && nowMs < this.grownUntilMs;
        const whole = frame.update.bin_seq >= Math.min((index + 1) * every - 1, head);
        return whole || grows ? frame : undefined;
      },
    };
  }

  /** Where the window lies is to be seen anew: another moment is looked at. */
  jump(): void {
    this.end = -1;
  }

  /** The columns up to that one are asked for: one that grows is not asked for again at once. */
  ask(to: number, nowMs: number): void {
    if (to === this.columnOf(this.head))
      this.grownUntilMs = nowMs + GROWN_MS + GROWN_MS_A_BIN * this.every;
  }

  /** The column that a bin lies in. */
  at(bin: number): Frame | undefined {
    return this.history.at(this.columnOf(bin));
  }

  columnOf(bin: number): number {
    return Math.floor(bin / this.every);
  }

  /** The stream went back to bin `head`: what has later bins is not yet. */
  private goBack(head: number): void {
    const column = this.columnOf(head);
    const frame = this.history.at(column);
    const ahead = frame !== undefined && frame.update.bin_seq > head;
    this.history.cut(ahead ? column : column + 1);
    this.fold = null;
    this.next = column * this.every;
    this.seen = -1;
    this.grownUntilMs = -Infinity;
  }

  /** Moves the window; returns whether it ends at the newest column. */
  private place({ from, to }: Stretch): boolean {
    const { capacity, head } = this.history;
    const newest = this.columnOf(this.head);
    const anchored = Math.max(from, 0) > newest - capacity;
    const inside = to <= this.end && this.end <= newest && Math.max(from, 0) > this.end - capacity;
    if (anchored) this.end = newest;
    else if (!inside) {
      const beside = Math.max(capacity - (to - from + 1), 0);
      this.end = Math.min(Math.max(to, 0) + Math.floor(beside / 2), newest);
    }
    if (head > this.end) this.history.cut(this.end + 1);
    return anchored;
  }

  /** The finest level has the stream's own bins, where these are kept. */
  private copy(bins: History, { from, to }: Stretch): void {
    for (let seq = Math.max(from, bins.tail, 0); seq <= Math.min(to, this.end); seq += 1) {
      const frame = bins.at(seq);
      if (frame !== undefined && this.history.at(seq) === undefined) this.insert(frame);
    }
  }

  /** Adds the bins that have come to their columns. */
  private take(bins: History): void {
    const { every } = this;
    if (this.next < bins.tail) this.startAt(Math.ceil(bins.tail / every));
    while (this.next <= bins.head) {
      const bin = bins.at(this.next);
      if (bin === undefined) {
        // What has a hole is asked of the server.
        this.startAt(this.columnOf(this.next) + 1);
        continue;
      }
      this.fold ??= new Fold(this.making.columns, this.making.rows, this.making.grid.cellInt);
      this.fold.add(bin.update, bin.cells);
      this.next += 1;
      if (this.next % every !== 0) continue;
      this.keep(this.fold);
      this.fold = null;
    }
    if (this.fold !== null) this.keep(this.fold);
  }

  private startAt(column: number): void {
    this.fold = null;
    this.next = column * this.every;
  }

  private keep(fold: Fold): void {
    const { update, cells } = fold.column;
    this.set(update, cells);
  }

  /** Keeps a column, unless it is kept with as many bins. */
  private set(update: GridUpdate, cells: Float64Array): boolean {
    const index = this.columnOf(update.bin_seq);
    const { end, history } = this;
    if (end >= 0 && (index > end || index <= end - history.capacity)) return false;
    const before = history.at(index);
    if (before !== undefined && before.update.bin_seq >= update.bin_seq) return false;
    const { grid, columns } = this.making;
    this.insert({ ...makeFrame(update, cells, grid, columns), seq: index });
    return true;
  }

  private insert(frame: Frame): void {
    const { history } = this;
    if (frame.seq > history.head) history.push(frame);
    else history.put(frame);
  }
}
