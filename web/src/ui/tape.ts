import { formatClock } from '../state/clock';
import { count } from '../state/format';
import type { Store } from '../state/store';
import { tapeOf, type TapeFilter } from '../state/tools/tape';
import type { Viewport } from '../state/viewport';
import { byId, make, setData, setText } from './elements';

const ROWS = 24;

/** The tape: the newest trades in view, as far as the filters let them through. */
export class Tape {
  private readonly side = byId('tape-side', HTMLSelectElement);
  private readonly least = byId('tape-least', HTMLInputElement);
  private readonly rows: { row: HTMLElement; parts: HTMLElement[] }[];
  private shown = '';
  private listed = '';

  constructor() {
    const list = byId('tape-list', HTMLElement);
    this.rows = Array.from({ length: ROWS }, () => {
      const row = make('li');
      row.hidden = true;
      const parts = [make('time'), make('b'), make('span')];
      row.append(...parts);
      list.append(row);
      return { row, parts };
    });
  }

  private get filter(): TapeFilter {
    const { value } = this.side;
    const least = Number(this.least.value);
    return {
      side: value === 'buy' || value === 'sell' ? value : 'all',
      least: Number.isFinite(least) ? least : 0,
    };
  }

  draw(store: Store, view: Viewport | null): void {
    const { stream } = store;
    const history = view && store.historyOf(view);
    if (stream?.grid == null || view === null || history === null) {
      this.shown = this.listed = '';
      for (const { row } of this.rows) row.hidden = true;
      return;
    }
    const { grid } = stream;
    const { filter } = this;
    const upTo = Math.ceil(view.edge) - 1;
    const wanted = `${stream.identity} ${view.every} ${history.revision} ${upTo} ${filter.side} ${filter.least}`;
    if (wanted === this.shown) return;
    this.shown = wanted;
    const trades = tapeOf(history, upTo, filter, ROWS);
    // Most bins bring no trade: then nothing is written.
    const rows = trades.map(({ seq, cell, side, size }) => `${seq} ${cell} ${side} ${size}`).join();
    if (rows === this.listed) return;
    this.listed = rows;
    this.rows.forEach(({ row, parts: [time, price, size] }, index) => {
      const trade = trades[index];
      row.hidden = trade === undefined;
      if (trade === undefined || !time || !price || !size) return;
      setText(time, formatClock(trade.startMs, 'tenths'));
      setText(price, grid.format(grid.priceAt(trade.cell)));
      setText(size, `${trade.side === 'buy' ? 'bought' : 'sold'} ${count(trade.size)}`);
      setData(row, 'side', trade.side);
    });
  }
}
