import { CELL_FIELDS, longestProjection } from '../wire/cells';
import { binsIn, type History } from '../state/history';
import { modeIndex } from '../state/modes';
import { heightOf, widthOf } from '../state/layout';
import { visibleCells, visibleColumns, xOf, yOf, type Viewport } from '../state/viewport';
import { colourPosition, colourTable, TABLE_SIZE } from './colormap';
import { CHANNELS, fillColumn } from './column';
import type { ColourScale, Heatmap } from './heatmap';
import { PALETTE } from './palette';

/** Alpha of cells whose book is not valid, of 255; the hatch of the WebGL heatmap is left out. */
const INVALID_ALPHA = 56;

/** Heatmap without WebGL: one small picture of a pixel a cell, enlarged without smoothing. */
export class CanvasHeatmap implements Heatmap {
  readonly kind = 'canvas';
  readonly revision = 0;
  readonly widest = 4096;
  private rows = 1;
  private projection = -1;
  private column = new Float32Array(CHANNELS);
  private readonly picture = document.createElement('canvas');

  constructor(private readonly context: CanvasRenderingContext2D) {}

  end(): void {
    this.picture.width = 0;
  }

  configure(rows: number, columns: readonly string[]): void {
    this.rows = rows;
    this.projection = longestProjection(columns);
    this.column = new Float32Array(rows * CHANNELS);
  }

  sync(history: History): number {
    history.takeFilled();
    return binsIn(history, history.takeDirty());
  }

  draw(history: History, view: Viewport, scale: ColourScale): void {
    const { context } = this;
    context.fillStyle = PALETTE.ground;
    context.fillRect(0, 0, widthOf(view.heat), heightOf(view.heat));
    const visible = visibleColumns(view);
    const from = Math.max(visible.from, history.tail);
    const to = Math.min(visible.to, history.head);
    const cells = visibleCells(view);
    const low = Math.floor(cells.low);
    const high = Math.ceil(cells.high);
    const picture = this.picture.getContext('2d');
    if (from > to || high <= low || picture === null) return;
    const image = new ImageData(to - from + 1, high - low + 1);
    for (let seq = from; seq <= to; seq += 1) {
      this.paint(image, history, seq, seq - from, high, scale);
    }
    this.picture.width = image.width;
    this.picture.height = image.height;
    picture.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    const left = xOf(view, from);
    const top = yOf(view, high + 0.5);
    const width = image.width * view.columnPx;
    context.drawImage(this.picture, left, top, width, image.height * view.rowPx);
  }

  private paint(
    image: ImageData,
    history: History,
    seq: number,
    x: number,
    high: number,
    { mode, range, low }: ColourScale,
  ): void {
    const frame = history.at(seq);
    if (frame === undefined || frame.cells.length < this.rows * CELL_FIELDS.length) return;
    fillColumn(frame, this.rows, this.column, this.projection);
    const table = colourTableOf(mode.kind);
    const channel = modeIndex(mode.id);
    const top = frame.anchor + (this.rows - 1) / 2;
    for (let y = 0; y < image.height; y += 1) {
      const row = this.rows - 1 - (top - (high - y));
      if (!(row >= 0 && row < this.rows)) continue;
      const value = this.column[row * CHANNELS + channel] ?? 0;
      const position = colourPosition(value, range, mode.curve, low);
      const entry = Math.round(position * (TABLE_SIZE - 1)) * 4;
      const at = (y * image.width + x) * 4;
      image.data.set(table.subarray(entry, entry + 4), at);
      if (!frame.valid) image.data[at + 3] = INVALID_ALPHA;
    }
  }
}

const tables = new Map<string, Uint8Array>();

function colourTableOf(kind: ColourScale['mode']['kind']): Uint8Array {
  const key = `${PALETTE.theme} ${kind}`;
  const table = tables.get(key) ?? colourTable(kind);
  tables.set(key, table);
  return table;
}
