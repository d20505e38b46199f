import { formatClock } from '../state/clock';
import type { Store } from '../state/store';
import { markText, newestMarks, type Mark } from '../state/tools/marks';
import type { Viewport } from '../state/viewport';
import { byId, make, setData, setText } from './elements';

const ROWS = 8;

/** The shape of a mark on the map, as a character. */
function glyphOf({ kind, side }: Mark): string {
  switch (kind) {
    case 'iceberg':
      return '◆';
    case 'sweep':
      return side === 'sell' ? '▼' : '▲';
    case 'large':
      return '■';
    case 'pull':
      return '✖';
  }
}

/** The card of marks: what their shapes mean, and the newest in view in words. */
export class MarksCard {
  private readonly none = byId('marks-none', HTMLElement);
  private readonly rows: { row: HTMLElement; parts: HTMLElement[] }[];
  private wanted = '';
  private listed = '';

  constructor() {
    const list = byId('marks-list', HTMLElement);
    this.rows = Array.from({ length: ROWS }, () => {
      const row = make('li');
      row.hidden = true;
      const parts = [make('i'), make('time'), make('b'), make('span')];
      row.append(...parts);
      list.append(row);
      return { row, parts };
    });
  }

  draw(store: Store, view: Viewport | null): void {
    const { stream } = store;
    const history = view && store.historyOf(view);
    if (stream?.grid == null || view === null || history === null) {
      this.wanted = this.listed = '';
      for (const { row } of this.rows) row.hidden = true;
      this.none.hidden = false;
      return;
    }
    const { grid } = stream;
    const upTo = Math.ceil(view.edge) - 1;
    const wanted = `${stream.identity} ${view.every} ${history.revision} ${upTo}`;
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    const found = newestMarks(history, upTo, ROWS);
    const listed = found.map(({ seq, mark }) => `${seq} ${Object.values(mark).join(' ')}`).join();
    if (listed === this.listed) return;
    this.listed = listed;
    this.none.hidden = found.length > 0;
    this.rows.forEach(({ row, parts: [glyph, time, price, words] }, index) => {
      const mark = found[index];
      row.hidden = mark === undefined;
      if (mark === undefined || !glyph || !time || !price || !words) return;
      setText(glyph, glyphOf(mark.mark));
      glyph.setAttribute('aria-hidden', 'true');
      setText(time, formatClock(mark.startMs, 'tenths'));
      setText(price, grid.format(grid.priceAt(mark.mark.cell)));
      setText(words, markText(mark.mark));
      setData(row, 'side', mark.mark.side);
    });
  }
}
