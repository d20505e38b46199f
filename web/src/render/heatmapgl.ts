import { binsIn, type History } from '../state/history';
import { modeIndex } from '../state/modes';
import { heightOf, widthOf } from '../state/layout';
import type { Viewport } from '../state/viewport';
import { colourTable, parseHex, TABLE_SIZE } from './colormap';
import { nearestTexture, Program } from './gl/program';
import { CELLS_UNIT, COLUMNS_UNIT, Rings } from './gl/rings';
import type { ColourScale, Heatmap } from './heatmap';
import { PALETTE } from './palette';
import { CELLS_SHADER, ENLARGING_SHADER } from './shaders';

const CELLS_UNIFORMS = [
  'u_cells',
  'u_columns',
  'u_colours',
  'u_size',
  'u_lead',
  'u_head_slot',
  'u_count',
  'u_column_px',
  'u_row_px',
  'u_centre',
  'u_rows',
  'u_channel',
  'u_range',
  'u_low',
  'u_curve',
  'u_ratio',
  'u_ground',
  'u_hatch',
] as const;

const ENLARGING_UNIFORMS = ['u_map', 'u_size', 'u_cell', 'u_corner', 'u_ratio', 'u_hatch'] as const;

/** Numbers of the curves in the shader. */
const CURVES = { linear: 0, root: 1, log: 2 } as const;

const COLOURS_UNIT = 2;
const MAP_UNIT = 3;

/** Where a cell is so many pixels, its colour is found once and then enlarged: that is less work than to find it for each. */
const PIXELS_WORTH_ENLARGING = 4;

/** Everything that lives on the GPU and is gone when the context is lost. */
interface GpuState {
  cells: Program<(typeof CELLS_UNIFORMS)[number]>;
  enlarging: Program<(typeof ENLARGING_UNIFORMS)[number]>;
  colours: WebGLTexture;
  /** A texel a cell of what is in view. */
  map: { texture: WebGLTexture; frame: WebGLFramebuffer; width: number; height: number };
  rings: Rings | null;
}

/** A picture of a part of the cells: its size and that of a cell in px, and where its right edge and middle lie. */
interface Picture {
  width: number;
  height: number;
  /** Columns between the right edge and the end of the newest one. */
  lead: number;
  centre: number;
  columnPx: number;
  rowPx: number;
}

/**
 * Heatmap in WebGL2: a ring of columns in a float texture, one column uploaded a bin, scrolled in the shader.
 *
 * Every column carries its own integer price anchor, so that recentring moves no pixels of older columns.
 */
export class GlHeatmap implements Heatmap {
  readonly kind = 'webgl2';
  revision = 0;
  readonly widest: number;
  private gpu: GpuState | null = null;
  private rows = 1;
  private columns: readonly string[] = [];
  private colours: string | null = null;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    canvas: HTMLCanvasElement,
  ) {
    this.widest = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    canvas.addEventListener('webglcontextlost', (event) => {
      // Without this the browser never restores the context.
      event.preventDefault();
      this.gpu = null;
    });
    canvas.addEventListener('webglcontextrestored', () => {
      this.allocate();
      this.revision += 1;
    });
    this.allocate();
  }

  /** A browser allows only some contexts of this kind; one that is let go counts until it is collected. */
  end(): void {
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  configure(rows: number, columns: readonly string[]): void {
    this.rows = rows;
    this.columns = columns;
    if (this.gpu === null) return;
    this.gpu.rings?.end();
    this.gpu.rings = null;
  }

  sync(history: History): number {
    const { gpu } = this;
    if (gpu === null) return 0;
    gpu.rings ??= new Rings(this.gl, this.rows, this.columns);
    const fresh = history.takeDirty();
    let stale = fresh;
    if (gpu.rings.bind(history)) {
      history.invalidate();
      stale = history.takeDirty();
    }
    gpu.rings.upload(history, stale.from, stale.to);
    gpu.rings.uploadEach(history, history.takeFilled());
    return binsIn(history, fresh);
  }

  draw(history: History, view: Viewport, scale: ColourScale, ratio: number): void {
    const { gl, gpu } = this;
    if (gpu === null) return;
    const { columnPx, centre } = view;
    const [width, height] = [widthOf(view.heat), heightOf(view.heat)];
    const lead = history.head + 1 - view.edge;
    const rowPx = Math.max(view.rowPx, 1e-6);
    const whole: Picture = { width, height, lead, centre, columnPx, rowPx };
    const cells = cellsOf(whole);
    if (cells.width * cells.height * PIXELS_WORTH_ENLARGING > width * height) {
      this.drawCells(gpu, history, whole, scale, ratio);
      return;
    }
    this.makeMap(gpu, cells);
    gl.bindFramebuffer(gl.FRAMEBUFFER, gpu.map.frame);
    this.drawCells(gpu, history, cells, scale, 0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    const u = gpu.enlarging.use();
    gl.uniform1i(u.u_map, MAP_UNIT);
    gl.uniform2f(u.u_size, width, height);
    gl.uniform2f(u.u_cell, columnPx, rowPx);
    const middle = centre - cells.centre + cells.height / 2;
    gl.uniform2f(u.u_corner, cells.width - (lead - cells.lead), middle);
    gl.uniform1f(u.u_ratio, ratio);
    gl.uniform3fv(u.u_hatch, unit(PALETTE.invalid));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** @param ratio device px per CSS px of the hatch of invalid columns, 0 for none. */
  private drawCells(
    gpu: GpuState,
    history: History,
    { width, height, lead, centre, columnPx, rowPx }: Picture,
    scale: ColourScale,
    ratio: number,
  ): void {
    const { gl } = this;
    gl.viewport(0, 0, width, height);
    const u = gpu.cells.use();
    this.useColours(gpu, scale.mode.kind);
    gl.uniform2f(u.u_size, width, height);
    gl.uniform1f(u.u_lead, lead);
    gl.uniform1i(u.u_head_slot, history.empty ? 0 : history.slotOf(history.head));
    gl.uniform1i(u.u_count, history.empty ? 0 : history.head - history.tail + 1);
    gl.uniform1f(u.u_column_px, columnPx);
    gl.uniform1f(u.u_row_px, rowPx);
    gl.uniform1f(u.u_centre, centre);
    gl.uniform1i(u.u_rows, this.rows);
    gl.uniform1i(u.u_channel, modeIndex(scale.mode.id));
    gl.uniform1f(u.u_range, scale.range);
    gl.uniform1f(u.u_low, scale.low);
    gl.uniform1i(u.u_curve, CURVES[scale.mode.curve]);
    gl.uniform1f(u.u_ratio, ratio);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private useColours(gpu: GpuState, kind: ColourScale['mode']['kind']): void {
    const wanted = `${PALETTE.theme} ${kind}`;
    if (this.colours === wanted) return;
    const { gl } = this;
    this.colours = wanted;
    const u = gpu.cells.use();
    gl.uniform1i(u.u_cells, CELLS_UNIT);
    gl.uniform1i(u.u_columns, COLUMNS_UNIT);
    gl.uniform1i(u.u_colours, COLOURS_UNIT);
    gl.uniform3fv(u.u_ground, unit(PALETTE.ground));
    gl.uniform3fv(u.u_hatch, unit(PALETTE.invalid));
    gl.activeTexture(gl.TEXTURE0 + COLOURS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, gpu.colours);
    const table = colourTable(kind);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, TABLE_SIZE, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table);
  }

  private allocate(): void {
    const { gl } = this;
    this.gpu = {
      cells: new Program(gl, CELLS_SHADER, CELLS_UNIFORMS),
      enlarging: new Program(gl, ENLARGING_SHADER, ENLARGING_UNIFORMS),
      colours: nearestTexture(gl, COLOURS_UNIT),
      map: {
        texture: nearestTexture(gl, MAP_UNIT),
        frame: gl.createFramebuffer(),
        width: 0,
        height: 0,
      },
      rings: null,
    };
    this.colours = null;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.flush();
  }

  /** Has room for a picture of those cells. */
  private makeMap({ map }: GpuState, { width, height }: Picture): void {
    if (map.width >= width && map.height >= height) return;
    const { gl } = this;
    map.width = Math.max(map.width, width);
    map.height = Math.max(map.height, height);
    gl.activeTexture(gl.TEXTURE0 + MAP_UNIT);
    const { RGBA8, RGBA, UNSIGNED_BYTE } = gl;
    gl.texImage2D(gl.TEXTURE_2D, 0, RGBA8, map.width, map.height, 0, RGBA, UNSIGNED_BYTE, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, map.frame);
    const { FRAMEBUFFER, COLOR_ATTACHMENT0, TEXTURE_2D } = gl;
    gl.framebufferTexture2D(FRAMEBUFFER, COLOR_ATTACHMENT0, TEXTURE_2D, map.texture, 0);
  }
}

/** The cells that are at least partly in a picture, as a picture of a pixel a cell. */
function cellsOf({ width, height, lead, centre, columnPx, rowPx }: Picture): Picture {
  const newest = Math.floor(lead);
  const columns = Math.floor(lead + width / columnPx) - newest + 1;
  const lowest = Math.floor(centre - height / 2 / rowPx + 0.5);
  const rows = Math.floor(centre + height / 2 / rowPx + 0.5) - lowest + 1;
  return {
    width: columns,
    height: rows,
    lead: newest,
    centre: lowest + (rows - 1) / 2,
    columnPx: 1,
    rowPx: 1,
  };
}

function unit(colour: string): Float32Array {
  return Float32Array.from(parseHex(colour), (byte) => byte / 255);
}
