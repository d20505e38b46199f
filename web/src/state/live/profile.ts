import type { Print } from '../frame';
import type { History } from '../history';
import type { Overview } from '../overview';

/** Traded at one price, in lots. */
export interface Traded {
  buy: number;
  sell: number;
}

const NOTHING: Traded = { buy: 0, sell: 0 };

/** What was traded at each price in some bins. */
class Volumes {
  private readonly at = new Map<number, Traded>();

  add(prints: readonly Print[]): void {
    for (const { cell, buy, sell } of prints) {
      const row = Math.round(cell);
      const before = this.at.get(row) ?? NOTHING;
      this.at.set(row, { buy: before.buy + buy, sell: before.sell + sell });
    }
  }

  of(cell: number): Traded {
    return this.at.get(cell) ?? NOTHING;
  }
}

/**
 * What was traded at each price since the session's first bin: columns of the overview, and after these the bins that
 * are kept. It sums what the server sent; what a column does not hold by price is in no sum.
 */
export class Profile {
  /** Of whole columns, how many these are, and the overview that they are of. */
  private columns = { volumes: new Volumes(), count: 0, known: 0, revision: -1 };
  /** Of the bins after them, from the first to the last that was looked at, and how many were missing. */
  private bins = { volumes: new Volumes(), from: 0, to: -1, missing: 0, revision: -1 };

  constructor(
    private readonly overview: Overview,
    private readonly history: History,
  ) {}

  /** Grows with what is known of the session, beside the bins themselves. */
  get revision(): number {
    return this.overview.revision;
  }

  /**
   * Takes account of the bins up to `to`.
   *
   * @returns whether all of them are known.
   */
  upTo(to: number): boolean {
    const count = Math.min(
      Math.floor((to + 1) / this.overview.every),
      this.overview.columns.length,
    );
    this.takeColumns(count);
    this.takeBins(count * this.overview.every, to);
    return this.columns.known === count && this.bins.missing === 0;
  }

  /** What was traded at a price, given by its cell, in the bins of the last {@link upTo}. */
  at(cell: number): Traded {
    const [early, late] = [this.columns.volumes.of(cell), this.bins.volumes.of(cell)];
    return { buy: early.buy + late.buy, sell: early.sell + late.sell };
  }

  private takeColumns(count: number): void {
    const { revision, columns } = this.overview;
    if (this.columns.count === count && this.columns.revision === revision) return;
    const volumes = new Volumes();
    let known = 0;
    for (let index = 0; index < count; index += 1) {
      const prints = columns[index]?.prints;
      if (prints == null) continue;
      volumes.add(prints);
      known += 1;
    }
    this.columns = { volumes, count, known, revision };
  }

  private takeBins(from: number, to: number): void {
    const { history } = this;
    const before = this.bins;
    // Bins that follow are added; anything else begins anew.
    const follows = before.from === from && before.to <= to && before.missing === 0;
    if (before.from === from && before.to === to && before.revision === history.revision) return;
    const now = follows ? before : { volumes: new Volumes(), from, to: from - 1, missing: 0 };
    let { missing } = now;
    for (let seq = now.to + 1; seq <= to; seq += 1) {
      const frame = history.at(seq);
      if (frame === undefined) missing += 1;
      else now.volumes.add(frame.prints);
    }
    this.bins = { ...now, to, missing, revision: history.revision };
  }
}
