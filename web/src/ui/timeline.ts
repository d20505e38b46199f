import { PALETTE } from '../render/palette';
import { formatClock } from '../state/clock';
import { widthOf } from '../state/layout';
import type { OverviewColumn } from '../state/overview';
import type { Store } from '../state/store';
import type { Viewport } from '../state/viewport';
import { byId, setText } from './elements';

/** Share of the height that the volumes take. */
const VOLUME_SHARE = 0.4;

/** The session from its first to its last bin: prices, volumes, what is in view, and a slider that moves the replay. */
export class Timeline {
  private readonly slider = byId('session', HTMLInputElement);
  private readonly canvas = byId('session-plot', HTMLCanvasElement);
  private readonly first = byId('session-first', HTMLElement);
  private readonly last = byId('session-last', HTMLElement);
  private readonly context: CanvasRenderingContext2D;
  private size = { width: 0, height: 0 };
  /** What the picture shows; it is drawn again when that changes. */
  private shown = '';
  private held = false;

  constructor(goTo: (bin: number) => void) {
    const context = this.canvas.getContext('2d');
    if (context === null) throw new Error('this browser gives no 2D canvas context');
    this.context = context;
    this.slider.addEventListener('input', () => {
      this.held = true;
    });
    this.slider.addEventListener('change', () => {
      this.held = false;
      goTo(Number(this.slider.value));
    });
    new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      const ratio = window.devicePixelRatio;
      this.size = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
      this.canvas.width = Math.max(this.size.width, 1);
      this.canvas.height = Math.max(this.size.height, 1);
      this.shown = '';
    }).observe(this.canvas);
  }

  draw(store: Store, view: Viewport | null): void {
    const { stream } = store;
    this.slider.disabled = stream === null || stream.history.empty;
    if (stream === null || view === null) return;
    const { extent, overview, history } = stream;
    const { width } = this.size;
    const at = (bin: number): number => Math.round((bin / extent.bins) * width);
    const from = at(view.edge - widthOf(view.heat) / view.columnPx);
    const marks = [at(history.head + 1), from, at(view.edge)];
    if (!this.held) this.place(Math.min(history.head, extent.bins - 1), store);
    else this.tell(Number(this.slider.value), store);
    const shown = `${marks.join(' ')} ${overview.revision} ${extent.bins} ${PALETTE.ground}`;
    if (shown === this.shown) return;
    this.shown = shown;
    setText(this.first, formatClock(extent.originMs, 'seconds'));
    setText(this.last, formatClock(extent.originMs + extent.bins * extent.binMs, 'seconds'));
    this.paint(overview.columns, (overview.every / extent.bins) * width, marks);
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
    this.slider.title = `${text} New York`;
  }

  private paint(
    columns: readonly (OverviewColumn | undefined)[],
    columnPx: number,
    [head = 0, from = 0, to = 0]: readonly number[],
  ): void {
    const { context, size } = this;
    const { width, height } = size;
    context.clearRect(0, 0, width, height);
    context.fillStyle = PALETTE.tag;
    context.fillRect(from, 0, Math.max(to - from, 2), height);
    const known = columns.filter((column) => column !== undefined);
    const prices = known.map(({ mid }) => mid).filter((mid) => mid > 0);
    const [low, high] = [Math.min(...prices), Math.max(...prices)];
    const most = Math.max(...known.map(({ buyVolume, sellVolume }) => buyVolume + sellVolume), 1);
    const line = new Path2D();
    let joined = false;
    columns.forEach((column, index) => {
      const x = index * columnPx;
      if (column === undefined) {
        joined = false;
        return;
      }
      const buys = (column.buyVolume / most) * height * VOLUME_SHARE;
      const sells = (column.sellVolume / most) * height * VOLUME_SHARE;
      const bar = Math.max(columnPx - 1, 1);
      context.fillStyle = PALETTE.sell;
      context.fillRect(x, height - sells, bar, sells);
      context.fillStyle = PALETTE.buy;
      context.fillRect(x, height - sells - buys, bar, buys);
      if (!(column.mid > 0)) {
        joined = false;
        return;
      }
      const share = high > low ? (column.mid - low) / (high - low) : 0.5;
      const y = 3 + (1 - share) * (height * (1 - VOLUME_SHARE) - 6);
      if (joined) line.lineTo(x + columnPx / 2, y);
      else line.moveTo(x + columnPx / 2, y);
      joined = true;
    });
    context.strokeStyle = PALETTE.text;
    context.lineWidth = Math.max(1.2 * window.devicePixelRatio, 1);
    context.stroke(line);
    context.fillStyle = PALETTE.text;
    context.fillRect(head - 1, 0, 2, height);
  }
}
