import { formatClock } from '../state/clock';
import type { Store, Stream } from '../state/store';
import { parseBookmarks, toggleBookmark } from '../state/tools/bookmarks';
import { byId, make } from './elements';

const KEY = 'spymaster.bookmarks';

/** The bins that the user has marked, on the seek bar; they are kept in the browser. */
export class BookmarkBar {
  private readonly bar = byId('bookmarks', HTMLElement);
  private kept = parseBookmarks(window.localStorage.getItem(KEY));
  private shown = '';

  constructor(private readonly goTo: (bin: number) => void) {}

  toggle({ identity }: Stream, bin: number): void {
    this.kept = toggleBookmark(this.kept, identity, bin);
    window.localStorage.setItem(KEY, JSON.stringify(this.kept));
  }

  draw({ stream }: Store): void {
    const bins = stream === null ? [] : (this.kept[stream.identity] ?? []);
    const wanted = `${stream?.identity ?? ''} ${stream?.extent.bins ?? 0} ${bins.join(' ')}`;
    if (wanted === this.shown) return;
    this.shown = wanted;
    this.bar.replaceChildren(
      ...bins.map((bin) => {
        const { originMs, binMs, bins: all } = stream?.extent ?? { originMs: 0, binMs: 1, bins: 1 };
        const button = make('button', '▼');
        button.type = 'button';
        button.style.left = `${(100 * bin) / all}%`;
        const time = formatClock(originMs + bin * binMs, 'tenths');
        button.title = `Bookmark at ${time}`;
        button.setAttribute('aria-label', button.title);
        button.addEventListener('click', () => {
          this.goTo(bin);
        });
        return button;
      }),
    );
  }
}
