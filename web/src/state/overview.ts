import type { GridUpdate } from '../wire/types';
import type { Print } from './frame';
import { pricedMarks, type PricedMark } from './tools/marks';

/** Some bins of the session as one, as the server sums them up. */
export interface OverviewColumn {
  /** Mid price at the end, 0 when the book was not valid. */
  mid: number;
  buyVolume: number;
  sellVolume: number;
  /** The largest of all its bins, the largest first. */
  marks: readonly PricedMark[];
  /** What was traded, by price; null where the column lacks bins that had not come to pass. */
  prints: readonly Print[] | null;
}

/** About so many columns stand for a whole session. */
const COLUMNS = 160;
/** Columns asked for at a time, and the rest between two requests, ms: a session is long, and nothing waits for it. */
const CHUNK = 8;
const REST_MS = 300;
/** After an answer without a single column, ms: the engine has not come so far. */
const LONG_REST_MS = 20_000;

/** The whole session in columns of `every` bins each, as far as it is known. */
export class Overview {
  readonly every: number;
  readonly columns: (OverviewColumn | undefined)[];
  /** Grows with every column that came. */
  revision = 0;
  private restUntilMs = 0;

  /** @param bins of the session, at most. */
  constructor(bins: number) {
    // At 1 the server would send plain bins.
    this.every = Math.max(Math.ceil(bins / COLUMNS), 2);
    this.columns = new Array<OverviewColumn | undefined>(Math.ceil(bins / this.every));
  }

  /**
   * Takes over a column of the server.
   *
   * @param prints what was traded in it, null where it is no whole column.
   */
  add(update: GridUpdate, prints: readonly Print[] | null = null): void {
    this.columns[Math.floor(update.bin_seq / this.every)] = {
      mid: update.book_valid ? update.mid_price : 0,
      buyVolume: update.buy_volume,
      sellVolume: update.sell_volume,
      marks: pricedMarks(update.marks),
      prints,
    };
    this.revision += 1;
  }

  /** The column that a bin lies in, with its first and last bin; undefined when it is not known. */
  at(bin: number): { column: OverviewColumn; from: number; to: number } | undefined {
    const index = Math.floor(bin / this.every);
    const column = this.columns[index];
    return column && { column, from: index * this.every, to: (index + 1) * this.every - 1 };
  }

  /**
   * What to ask for next, newest first up to bin `head`, then what lies ahead; null when nothing is missing or it is
   * too early.
   */
  next(head: number, nowMs: number): { from: number; to: number; every: number } | null {
    if (nowMs < this.restUntilMs) return null;
    const { columns, every } = this;
    const now = Math.min(Math.floor(head / every), columns.length) - 1;
    let last = now;
    // One that was no whole column when it came is one by now.
    while (last >= 0 && columns[last]?.prints != null) last -= 1;
    if (last < 0) {
      last = columns.findIndex((column, index) => index > now && column === undefined);
      if (last < 0) return null;
      last = Math.min(last + CHUNK, columns.length) - 1;
    }
    this.restUntilMs = nowMs + REST_MS;
    return { from: Math.max(last - CHUNK + 1, 0) * every, to: (last + 1) * every - 1, every };
  }

  /** An answer is over: `bins` columns came, or it was refused. */
  ended(bins: number, nowMs: number): void {
    this.restUntilMs = nowMs + (bins === 0 ? LONG_REST_MS : REST_MS);
  }
}
