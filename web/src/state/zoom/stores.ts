import type { GridUpdate } from '../../wire/types';
import type { TimeBase } from '../clock';
import type { Extent } from '../extent';
import type { Frame } from '../frame';
import { columnCapacity, type History } from '../history';
import type { PriceGrid } from '../price';
import { visibleColumns, type Viewport } from '../viewport';
import { Columns } from './columns';
import { isWholeColumn, levelsOf } from './levels';

/** What the map is drawn from: columns by number, and how their numbers and times belong together. */
export interface Shown {
  history: History;
  time: TimeBase;
}

/** The columns of every level that has been looked at, and the bins further back than the stream's are kept. */
export class LevelStores {
  /** Bins a column of each level, the finest first. */
  readonly levels: readonly number[];
  private readonly stores = new Map<number, Columns>();

  /**
   * @param columns what is packed in the cells of a bin, of which there are `rows`.
   * @param widest most columns the renderer can hold.
   */
  constructor(
    private readonly extent: Extent,
    private readonly columns: readonly string[],
    private readonly rows: number,
    private readonly widest: number,
  ) {
    this.levels = levelsOf(extent.binMs);
  }

  /**
   * The columns that a view shows, or null where these are the bins of the stream.
   *
   * @param bins of the stream.
   */
  of(view: Viewport, bins: History, grid: PriceGrid): Columns | null {
    const { every } = view;
    if (every === 1) {
      const { from, to } = visibleColumns(view);
      if (Math.max(from, 0) >= bins.reach || to >= bins.head) return null;
    }
    const known = this.stores.get(every);
    if (known !== undefined) return known;
    const { columns, rows } = this;
    const made = new Columns(every, this.capacityOf(every, bins), { columns, rows, grid });
    this.stores.set(every, made);
    return made;
  }

  /** What a view shows, brought up to date with the stream. */
  show(view: Viewport, bins: History, grid: PriceGrid): Shown {
    const store = this.of(view, bins, grid);
    store?.follow(bins, visibleColumns(view));
    return { history: store?.history ?? bins, time: this.timeOf(view.every) };
  }

  /** How the numbers of columns of so many bins and times belong together. */
  timeOf(every: number): TimeBase {
    const { extent } = this;
    return every === 1 ? extent : { originMs: extent.originMs, binMs: extent.binMs * every };
  }

  /**
   * Takes over a column that a server sent, at whichever level it is one.
   *
   * @param head the stream's newest bin. @param asked what was asked for last: its level and its last bin.
   */
  put(
    update: GridUpdate,
    cells: Float64Array,
    head: number,
    asked: { every: number; to: number } | null,
  ): void {
    for (const [every, store] of this.stores) {
      if ((every === 1) !== (update.every === undefined)) continue;
      store.put(update, cells, head, asked?.every === every ? asked.to : null);
    }
  }

  /** The stream goes on at another moment, which is looked at. */
  jump(): void {
    for (const store of this.stores.values()) store.jump();
  }

  /** Whether bins that were sent as one are a column of one of the levels. */
  has(update: GridUpdate): boolean {
    return this.levels.some((every) => every > 1 && isWholeColumn(update, every));
  }

  /** The finest column kept that a bin lies in. */
  at(bin: number): Frame | undefined {
    for (const every of this.levels) {
      const frame = this.stores.get(every)?.at(bin);
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  private capacityOf(every: number, bins: History): number {
    // Columns of one bin may be as narrow as those of the stream.
    if (every === 1) return bins.capacity;
    const values = this.columns.length * this.rows;
    return columnCapacity(values, this.widest, Math.ceil(this.extent.bins / every));
  }
}
