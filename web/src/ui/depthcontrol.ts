import { PALETTE } from '../render/palette';
import { count } from '../state/format';
import {
  AUTO_RANGE,
  depthAt,
  depthHistogram,
  stepOf,
  type DepthRange,
} from '../state/live/depthrange';
import type { Store } from '../state/store';
import { byId, setText } from './elements';

/** Positions of the sliders; as in the markup. */
const STEPS = 200;
const BARS = 50;
/** Size of the histogram, CSS px. */
const SIZE = { width: 240, height: 48 };

/** Which depths the colours tell apart: two sliders under a histogram of the newest bin, a lock, and automatic. */
export class DepthControl {
  private readonly box = byId('depth', HTMLDetailsElement);
  private readonly canvas = byId('depth-histogram', HTMLCanvasElement);
  private readonly low = byId('depth-low', HTMLInputElement);
  private readonly high = byId('depth-high', HTMLInputElement);
  private readonly lock = byId('depth-lock', HTMLButtonElement);
  /** What is shown, and what the automatic range is now. */
  private range: DepthRange = AUTO_RANGE;
  private now = 1;
  private painted = '';

  constructor(set: (range: DepthRange) => void) {
    this.low.addEventListener('input', () => {
      const low = depthAt(Number(this.low.value), STEPS);
      const { high } = this.range;
      set({ low, high: high === null && low < this.now ? null : Math.max(high ?? 0, low + 1) });
    });
    this.high.addEventListener('input', () => {
      const high = Math.max(depthAt(Number(this.high.value), STEPS), 1);
      set({ low: Math.min(this.range.low, high - 1), high });
    });
    this.lock.addEventListener('click', () => {
      const { low, high } = this.range;
      set({ low, high: high === null ? Math.round(this.now) : null });
    });
    byId('depth-auto', HTMLButtonElement).addEventListener('click', () => {
      set(AUTO_RANGE);
    });
    const ratio = window.devicePixelRatio;
    this.canvas.width = SIZE.width * ratio;
    this.canvas.height = SIZE.height * ratio;
  }

  draw(store: Store): void {
    this.box.hidden = store.view.mode !== 'depth';
    if (this.box.hidden || !this.box.open) return;
    this.range = store.depth;
    this.now = store.rangeOf('depth');
    place(this.low, this.range.low);
    place(this.high, this.now);
    setText(byId('depth-low-text', HTMLElement), count(this.range.low));
    setText(byId('depth-high-text', HTMLElement), count(this.now));
    this.lock.setAttribute('aria-pressed', String(this.range.high !== null));
    this.paint(store);
  }

  private paint({ stream }: Store): void {
    const newest = stream?.history.newest;
    const context = this.canvas.getContext('2d');
    if (stream === null || newest === undefined || context === null) return;
    const wanted = `${newest.seq} ${this.range.low} ${this.now} ${PALETTE.theme}`;
    if (wanted === this.painted) return;
    this.painted = wanted;
    const { width, height } = this.canvas;
    const counts = depthHistogram(newest, stream.rows, BARS);
    const most = Math.max(...counts, 1);
    context.clearRect(0, 0, width, height);
    counts.forEach((cells, bar) => {
      const depth = depthAt(bar, BARS);
      context.fillStyle =
        depth >= this.range.low && depth <= this.now ? PALETTE.text : PALETTE.axisLine;
      const tall = (cells / most) * height;
      context.fillRect((bar / BARS) * width, height - tall, width / BARS - 1, tall);
    });
  }
}

function place(slider: HTMLInputElement, depth: number): void {
  const value = String(stepOf(depth, STEPS));
  if (slider.value !== value && document.activeElement !== slider) slider.value = value;
  slider.setAttribute('aria-valuetext', `${count(depth)} lots`);
}
