import { Chart, LAYER_COUNT, type Moment } from '../render/chart';
import { createHeatmap, type Heatmap } from '../render/heatmap';
import { PALETTE } from '../render/palette';
import { chartLayout, heightOf, widthOf, type ChartLayout } from '../state/layout';
import type { Hovered } from '../state/inspect';
import { modeOf } from '../state/modes';
import type { History } from '../state/history';
import type { Stream, Store } from '../state/store';
import { viewKey } from '../state/viewport';
import { contextOf, make, partOf } from './elements';

/** Root font size, px, at which the chart's text has its normal size. */
const NORMAL_FONT_PX = 13;

/** The chart's canvases: keeps their size, hands the renderers what they need. */
export class Stage {
  readonly chart: HTMLElement;
  readonly heatmap: Heatmap;
  layout: ChartLayout = chartLayout(1, 1, 1);
  /** Bins whose columns have been drawn. */
  drawn = 0;
  /** What the pointer is at, as of the last picture. */
  hovered: Hovered | null = null;
  private readonly heat: HTMLCanvasElement;
  /** Over the heatmap, lower ones first. */
  private readonly layers: readonly HTMLCanvasElement[];
  /** The chart's top left corner in the window, CSS px. */
  origin = { x: 0, y: 0 };
  /** Whether the chart may have another size, or the screen another ratio, than {@link layout} is for. */
  private resized = true;
  private readonly parts: Chart;
  /** What the heatmap shows; it is drawn again when that changes. */
  private heatShown = '';
  private configuredFor: Stream | null = null;
  private heatOf: History | null = null;
  private readonly observer: ResizeObserver;
  private readonly ended = new AbortController();

  /** @param root what the chart lies in. */
  constructor(root: Element) {
    this.chart = partOf(root, 'chart', HTMLElement);
    this.heat = partOf(root, 'heat', HTMLCanvasElement);
    this.heatmap = createHeatmap(this.heat);
    this.layers = Array.from({ length: LAYER_COUNT }, () => make('canvas'));
    this.heat.after(...this.layers);
    this.parts = new Chart(this.layers.map(contextOf));
    const resized = (): void => {
      this.resized = true;
    };
    this.observer = new ResizeObserver(resized);
    this.observer.observe(this.chart);
    window.addEventListener('resize', resized, { signal: this.ended.signal });
  }

  /** Gives back what the browser keeps for it. */
  end(): void {
    this.observer.disconnect();
    this.ended.abort();
    this.heatmap.end();
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
    for (const layer of this.layers) resize(layer, next.width, next.height, next.ratio);
    this.heatShown = '';
    resize(this.heat, widthOf(next.heat), heightOf(next.heat), next.ratio);
    return true;
  }

  /** Whether a part of the chart was left to a later frame. */
  get owes(): boolean {
    return this.parts.owes;
  }

  /** Has everything drawn again. */
  invalidate(): void {
    this.heatShown = '';
    this.parts.invalidate();
  }

  /** The view as a picture, or null when there is nothing to draw yet. */
  async picture(store: Store): Promise<Blob | null> {
    const canvas = document.createElement('canvas');
    canvas.width = this.layout.width;
    canvas.height = this.layout.height;
    const context = contextOf(canvas);
    // What WebGL drew is only there until the browser shows it.
    this.heatShown = '';
    if (!this.draw(store)) return null;
    context.fillStyle = PALETTE.ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.heat, 0, 0);
    for (const layer of this.layers) context.drawImage(layer, 0, 0);
    return new Promise((resolve) => {
      canvas.toBlob(resolve, 'image/png');
    });
  }

  /**
   * Draws one picture; false when there is nothing to draw yet.
   *
   * @param frame when it is, and how much there is to do; without it all is drawn at once.
   */
  draw(store: Store, frame: Moment | null = null): boolean {
    const { stream } = store;
    const view = store.viewport(this.layout);
    if (stream === null || view === null || stream.grid === null) return false;
    if (this.configuredFor !== stream) {
      this.heatmap.configure(stream.rows, stream.columns);
      stream.history.invalidate();
      this.configuredFor = stream;
    }
    const { history, time } = stream.stores.show(view, stream.history, stream.grid);
    if (this.heatOf !== history) this.heatShown = '';
    this.heatOf = history;
    this.drawn += this.heatmap.sync(history);
    const mode = modeOf(store.view.mode);
    const { ratio } = this.layout;
    const range = store.rangeOf(mode.id);
    const low = store.lowOf(mode.id);
    const heatWanted = `${viewKey(view)} ${mode.id} ${low} ${range} ${history.revision} ${this.heatmap.revision}`;
    if (heatWanted !== this.heatShown)
      this.heatmap.draw(history, view, { mode, range, low }, ratio);
    this.heatShown = heatWanted;
    const { pointer } = store.view;
    this.hovered = store.hovered(this.layout, view);
    const scene = {
      layout: this.layout,
      view,
      history,
      newest: stream.history.newest,
      rows: stream.rows,
      grid: stream.grid,
      time,
      hovered: this.hovered,
      overlays: store.overlays,
      session: stream,
      live: store.freshness(performance.now()).live,
      measured: store.measured(view),
      pointer: pointer && { x: pointer.x * ratio, y: pointer.y * ratio },
    };
    this.parts.draw(scene, frame);
    return true;
  }
}

function resize(canvas: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  canvas.width = Math.max(width, 1);
  canvas.height = Math.max(height, 1);
  canvas.style.width = `${width / ratio}px`;
  canvas.style.height = `${height / ratio}px`;
}
