import { drawChart } from '../render/chart';
import { createHeatmap, type Heatmap } from '../render/heatmap';
import { PALETTE } from '../render/palette';
import { chartLayout, heightOf, widthOf, type ChartLayout } from '../state/layout';
import { modeOf } from '../state/modes';
import type { Stream, Store } from '../state/store';
import { byId } from './elements';
import { Reading } from './reading';

/** Root font size, px, at which the chart's text has its normal size. */
const NORMAL_FONT_PX = 13;

/** The chart's two canvases: keeps their size, hands the renderer what it needs. */
export class Stage {
  readonly chart = byId('chart', HTMLElement);
  readonly heatmap: Heatmap;
  layout: ChartLayout = chartLayout(1, 1, 1);
  /** Bins whose columns have been drawn. */
  drawn = 0;
  private readonly heat = byId('heat', HTMLCanvasElement);
  private readonly overlay = byId('overlay', HTMLCanvasElement);
  private readonly reading = new Reading();
  /** The chart's top left corner in the window, CSS px. */
  origin = { x: 0, y: 0 };
  /** Whether the chart may have another size, or the screen another ratio, than {@link layout} is for. */
  private resized = true;
  private readonly context: CanvasRenderingContext2D;
  private configuredFor: Stream | null = null;

  constructor() {
    this.heatmap = createHeatmap(this.heat);
    const context = this.overlay.getContext('2d');
    if (context === null) throw new Error('this browser gives no 2D canvas context');
    this.context = context;
    const observer = new ResizeObserver(() => {
      this.resized = true;
    });
    observer.observe(this.chart);
    window.addEventListener('resize', () => {
      this.resized = true;
    });
  }

  /** Takes over the chart's present size when it has changed; true when it has. Else no layout is read. */
  measure(): boolean {
    const { devicePixelRatio: ratio } = window;
    if (!this.resized && ratio === this.layout.ratio) return false;
    this.resized = false;
    const { left: x, top: y, width, height } = this.chart.getBoundingClientRect();
    this.origin = { x, y };
    const rootFont = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const next = chartLayout(width, height, ratio, rootFont / NORMAL_FONT_PX);
    this.layout = next;
    resize(this.overlay, next.width, next.height, next.ratio);
    resize(this.heat, widthOf(next.heat), heightOf(next.heat), next.ratio);
    return true;
  }

  /** The view as a picture, or null when there is nothing to draw yet. */
  async picture(store: Store): Promise<Blob | null> {
    const canvas = document.createElement('canvas');
    canvas.width = this.layout.width;
    canvas.height = this.layout.height;
    const context = canvas.getContext('2d');
    // What WebGL drew is only there until the browser shows it.
    if (context === null || !this.draw(store)) return null;
    context.fillStyle = PALETTE.ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.heat, 0, 0);
    context.drawImage(this.overlay, 0, 0);
    return new Promise((resolve) => {
      canvas.toBlob(resolve, 'image/png');
    });
  }

  /** Draws one picture; false when there is nothing to draw yet. */
  draw(store: Store): boolean {
    const { stream, time } = store;
    const view = store.viewport(this.layout);
    if (stream === null || view === null || stream.grid === null || time === null) return false;
    if (this.configuredFor !== stream) {
      this.heatmap.configure(stream.history.capacity, stream.rows);
      stream.history.invalidate();
      this.configuredFor = stream;
    }
    this.drawn += this.heatmap.sync(stream.history);
    const mode = modeOf(store.view.mode);
    const { ratio } = this.layout;
    this.heatmap.draw(stream.history, view, { mode, range: store.rangeOf(mode.id) }, ratio);
    const { pointer } = store.view;
    const hovered = store.hovered(this.layout, view);
    drawChart(this.context, {
      layout: this.layout,
      view,
      history: stream.history,
      rows: stream.rows,
      grid: stream.grid,
      time,
      hovered,
      pointer: pointer && { x: pointer.x * ratio, y: pointer.y * ratio },
    });
    this.reading.draw(hovered, stream.grid);
    return true;
  }
}

function resize(canvas: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  canvas.width = Math.max(width, 1);
  canvas.height = Math.max(height, 1);
  canvas.style.width = `${width / ratio}px`;
  canvas.style.height = `${height / ratio}px`;
}
