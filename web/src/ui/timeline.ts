import { PALETTE } from '../render/palette';
import { drawSession, type PlotSize } from '../render/sessionplot';
import { formatClock } from '../state/clock';
import { NONE } from '../state/format';
import { widthOf } from '../state/layout';
import type { Store, Stream } from '../state/store';
import { markText } from '../state/tools/marks';
import type { Viewport } from '../state/viewport';
import { byId, contextOf, make, setText } from './elements';

/** Marks of a stretch that are told of under the pointer. */
const MOST_TOLD = 4;

/**
 * The session from its first to its last bin: prices, volumes, marks, what is in view, and a slider that moves the
 * replay.
 */
export class Timeline {
  private readonly slider = byId('session', HTMLInputElement);
  private readonly canvas = byId('session-plot', HTMLCanvasElement);
  private readonly first = byId('session-first', HTMLElement);
  private readonly last = byId('session-last', HTMLElement);
  private readonly context = contextOf(this.canvas);
  /** The picture of the session alone: it changes less often than what is in view of it. */
  private readonly session = contextOf(make('canvas'));
  private size: PlotSize = { width: 0, height: 0, ratio: 1 };
  /** What the pictures show; they are drawn again when that changes. */
  private shown = '';
  private sessionShown = '';
  private held = false;
  /** Where the pointer is, as a share of the width. */
  private pointed: number | null = null;

  constructor(goTo: (bin: number) => void) {
    this.slider.addEventListener('input', () => {
      this.held = true;
    });
    this.slider.addEventListener('change', () => {
      this.held = false;
      goTo(Number(this.slider.value));
    });
    this.slider.addEventListener('pointermove', ({ offsetX }) => {
      const { width, ratio } = this.size;
      this.pointed = width > 0 ? Math.min(Math.max((offsetX * ratio) / width, 0), 1) : null;
    });
    this.slider.addEventListener('pointerleave', () => {
      this.pointed = null;
    });
    new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      const ratio = window.devicePixelRatio;
      this.size = { width: Math.round(width * ratio), height: Math.round(height * ratio), ratio };
      for (const { canvas } of [this.context, this.session]) {
        canvas.width = Math.max(this.size.width, 1);
        canvas.height = Math.max(this.size.height, 1);
      }
      this.shown = this.sessionShown = '';
    }).observe(this.canvas);
  }

  draw(store: Store, view: Viewport | null): void {
    const { stream } = store;
    this.slider.disabled = stream === null || stream.history.empty;
    if (stream === null || view === null) {
      this.clear();
      return;
    }
    const { extent, overview, history } = stream;
    const { width } = this.size;
    const at = (bin: number): number => Math.round((bin / extent.bins) * width);
    const from = at((view.edge - widthOf(view.heat) / view.columnPx) * view.every);
    const places = [at(history.head + 1), from, at(view.edge * view.every)];
    if (!this.held) this.place(Math.min(history.head, extent.bins - 1), store);
    else this.tell(Number(this.slider.value), store);
    this.point(store);
    const shown = `${stream.identity} ${places.join(' ')} ${overview.revision} ${extent.bins} ${store.overlays.marks} ${PALETTE.ground}`;
    if (shown === this.shown) return;
    this.shown = shown;
    setText(this.first, formatClock(extent.originMs, 'seconds'));
    setText(this.last, formatClock(extent.originMs + extent.bins * extent.binMs, 'seconds'));
    this.paint(store, stream, places);
  }

  private clear(): void {
    if (this.shown === '') return;
    this.shown = '';
    this.context.clearRect(0, 0, this.size.width, this.size.height);
    setText(this.first, NONE);
    setText(this.last, NONE);
  }

  private place(bin: number, store: Store): void {
    const most = String((store.stream?.extent.bins ?? 1) - 1);
    if (this.slider.max !== most) this.slider.max = most;
    if (this.slider.value !== String(bin)) {
      this.slider.value = String(bin);
      this.tell(bin, store);
    }
  }

  private tell(bin: number, { time }: Store): void {
    if (time === null) return;
    const text = formatClock(time.originMs + bin * time.binMs, 'seconds');
    if (this.slider.getAttribute('aria-valuetext') === text) return;
    this.slider.setAttribute('aria-valuetext', text);
  }

  /** Says of the place under the pointer when it is, and what marks its stretch has. */
  private point({ stream, overlays, time }: Store): void {
    if (stream === null || time === null || this.pointed === null) return;
    const { extent, overview } = stream;
    const bin = Math.min(Math.floor(this.pointed * extent.bins), extent.bins - 1);
    const stretch = overview.at(bin);
    const clock = (at: number): string => formatClock(time.originMs + at * time.binMs, 'seconds');
    const when = stretch ? `${clock(stretch.from)} to ${clock(stretch.to + 1)}` : clock(bin);
    const told =
      overlays.marks && stretch ? stretch.column.marks.slice(0, MOST_TOLD).map(markText) : [];
    const title = [`${when} New York`, ...told].join('\n');
    if (this.slider.title !== title) this.slider.title = title;
  }

  private paint(
    store: Store,
    stream: Stream,
    [head = 0, from = 0, to = 0]: readonly number[],
  ): void {
    const { context, size, session } = this;
    const { width, height } = size;
    const { overview, extent, identity } = stream;
    const shown = [
      identity,
      overview.revision,
      extent.bins,
      store.overlays.marks,
      PALETTE.ground,
    ].join(' ');
    if (shown !== this.sessionShown) {
      this.sessionShown = shown;
      const columnPx = (overview.every / extent.bins) * width;
      drawSession(session, size, {
        columns: overview.columns,
        columnPx,
        marks: store.overlays.marks,
      });
    }
    context.clearRect(0, 0, width, height);
    context.fillStyle = PALETTE.tag;
    context.fillRect(from, 0, Math.max(to - from, 2), height);
    context.drawImage(session.canvas, 0, 0);
    context.fillStyle = PALETTE.text;
    context.fillRect(head - 1, 0, 2, height);
  }
}
