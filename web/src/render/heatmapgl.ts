import { binsIn, type History } from '../state/history';
import { modeIndex } from '../state/modes';
import { heightOf, widthOf } from '../state/layout';
import type { Viewport } from '../state/viewport';
import { colourTable, parseHex, TABLE_SIZE } from './colormap';
import { CHANNELS, columnFlags, fillColumn } from './column';
import { longestProjection } from '../wire/cells';
import type { ColourScale, Heatmap } from './heatmap';
import { PALETTE } from './palette';
import { FRAGMENT_SHADER, VERTEX_SHADER } from './shaders';

const UNIFORMS = [
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

/** Numbers of the curves in the shader. */
const CURVES = { linear: 0, root: 1, log: 2 } as const;

type Uniform = (typeof UNIFORMS)[number];

/** Everything that lives on the GPU and is gone when the context is lost. */
interface GpuState {
  uniforms: Record<Uniform, WebGLUniformLocation | null>;
  colours: WebGLTexture;
  /** By the history that they mirror: what is zoomed away from stays, and is there at once. */
  rings: Map<History, Ring>;
  /** The one that is bound. */
  ring: Ring | null;
}

/** Textures that have a column for each bin of a history. */
interface Ring {
  cells: WebGLTexture;
  columns: WebGLTexture;
}

/** Texels of a cell, of four values each, above one another. */
const TEXELS = CHANNELS / 4;

/** Anchor of a bin without a spot: no cell of it is ever in view. */
const NOWHERE = 1e8;

const CELLS_UNIT = 0;
const COLUMNS_UNIT = 1;
const COLOURS_UNIT = 2;

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
  private projection = -1;
  private column = new Float32Array(CHANNELS);
  private readonly flags = new Float32Array(2);
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
    this.projection = longestProjection(columns);
    this.column = new Float32Array(rows * CHANNELS);
    const { gl, gpu } = this;
    if (gpu === null) return;
    for (const { cells, columns: anchors } of gpu.rings.values()) {
      gl.deleteTexture(cells);
      gl.deleteTexture(anchors);
    }
    gpu.rings.clear();
    gpu.ring = null;
  }

  sync(history: History): number {
    const { gpu } = this;
    if (gpu === null) return 0;
    const fresh = history.takeDirty();
    let stale = fresh;
    if (this.bind(gpu, history)) {
      history.invalidate();
      stale = history.takeDirty();
    }
    for (let seq = stale.from; seq <= stale.to; seq += 1) this.upload(history, seq);
    for (const seq of history.takeFilled()) this.upload(history, seq);
    return binsIn(history, fresh);
  }

  draw(history: History, view: Viewport, scale: ColourScale, ratio: number): void {
    const { gl, gpu } = this;
    if (gpu === null) return;
    const [width, height] = [widthOf(view.heat), heightOf(view.heat)];
    gl.viewport(0, 0, width, height);
    this.useColours(gpu, scale.mode.kind);
    const u = gpu.uniforms;
    gl.uniform2f(u.u_size, width, height);
    gl.uniform1f(u.u_lead, history.head + 1 - view.edge);
    gl.uniform1i(u.u_head_slot, history.empty ? 0 : history.slotOf(history.head));
    gl.uniform1i(u.u_count, history.empty ? 0 : history.head - history.tail + 1);
    gl.uniform1f(u.u_column_px, view.columnPx);
    gl.uniform1f(u.u_row_px, Math.max(view.rowPx, 1e-6));
    gl.uniform1f(u.u_centre, view.centre);
    gl.uniform1i(u.u_rows, this.rows);
    gl.uniform1i(u.u_channel, modeIndex(scale.mode.id));
    gl.uniform1f(u.u_range, scale.range);
    gl.uniform1f(u.u_low, scale.low);
    gl.uniform1i(u.u_curve, CURVES[scale.mode.curve]);
    gl.uniform1f(u.u_ratio, ratio);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private upload(history: History, seq: number): void {
    const { gl } = this;
    const frame = history.at(seq);
    const slot = history.slotOf(seq);
    const anchor = frame?.anchor ?? NaN;
    this.flags[0] = Number.isFinite(anchor) ? anchor : NOWHERE;
    this.flags[1] = columnFlags(frame);
    gl.activeTexture(gl.TEXTURE0 + COLUMNS_UNIT);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, slot, 0, 1, 1, gl.RG, gl.FLOAT, this.flags);
    if (frame === undefined) return;
    fillColumn(frame, this.rows, this.column, this.projection);
    gl.activeTexture(gl.TEXTURE0 + CELLS_UNIT);
    const texels = this.rows * TEXELS;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, slot, 0, 1, texels, gl.RGBA, gl.FLOAT, this.column);
  }

  private useColours(gpu: GpuState, kind: ColourScale['mode']['kind']): void {
    const wanted = `${PALETTE.theme} ${kind}`;
    if (this.colours === wanted) return;
    const { gl } = this;
    this.colours = wanted;
    gl.uniform3fv(gpu.uniforms.u_ground, unit(PALETTE.ground));
    gl.uniform3fv(gpu.uniforms.u_hatch, unit(PALETTE.invalid));
    gl.activeTexture(gl.TEXTURE0 + COLOURS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, gpu.colours);
    const table = colourTable(kind);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, TABLE_SIZE, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table);
  }

  private allocate(): void {
    const { gl } = this;
    const program = linkProgram(gl);
    gl.useProgram(program);
    const uniforms = Object.fromEntries(
      UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]),
    ) as GpuState['uniforms'];
    const colours = nearestTexture(gl, COLOURS_UNIT);
    this.gpu = { uniforms, colours, rings: new Map(), ring: null };
    this.colours = null;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.uniform1i(uniforms.u_cells, CELLS_UNIT);
    gl.uniform1i(uniforms.u_columns, COLUMNS_UNIT);
    gl.uniform1i(uniforms.u_colours, COLOURS_UNIT);
  }

  /** Has the textures of a history in use; returns whether they are new, and hold nothing. */
  private bind(gpu: GpuState, history: History): boolean {
    const { gl } = this;
    const known = gpu.rings.get(history);
    if (known !== undefined && known === gpu.ring) return false;
    const ring = known ?? this.makeRing(history.capacity);
    gl.activeTexture(gl.TEXTURE0 + CELLS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, ring.cells);
    gl.activeTexture(gl.TEXTURE0 + COLUMNS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, ring.columns);
    gpu.rings.set(history, ring);
    gpu.ring = ring;
    return known === undefined;
  }

  private makeRing(capacity: number): Ring {
    const { gl, rows } = this;
    const { TEXTURE_2D, RGBA32F, RGBA, RG32F, RG, FLOAT } = gl;
    const cells = nearestTexture(gl, CELLS_UNIT);
    gl.texImage2D(TEXTURE_2D, 0, RGBA32F, capacity, rows * TEXELS, 0, RGBA, FLOAT, null);
    const columns = nearestTexture(gl, COLUMNS_UNIT);
    gl.texImage2D(TEXTURE_2D, 0, RG32F, capacity, 1, 0, RG, FLOAT, null);
    return { cells, columns };
  }
}

function unit(colour: string): Float32Array {
  return Float32Array.from(parseHex(colour), (byte) => byte / 255);
}

function nearestTexture(gl: WebGL2RenderingContext, textureUnit: number): WebGLTexture {
  const texture = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0 + textureUnit);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  // Float textures are not filterable everywhere, and cells must keep their edges anyway.
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return texture;
}

function linkProgram(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  const sources = [
    [gl.VERTEX_SHADER, VERTEX_SHADER],
    [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
  ] as const;
  for (const [type, source] of sources) {
    const shader = gl.createShader(type);
    if (shader === null) throw new Error('the WebGL context was lost while it was set up');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (gl.getShaderParameter(shader, gl.COMPILE_STATUS) !== true && !gl.isContextLost()) {
      throw new Error(`shader does not compile: ${gl.getShaderInfoLog(shader) ?? ''}`);
    }
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true && !gl.isContextLost()) {
    throw new Error(`shaders do not link: ${gl.getProgramInfoLog(program) ?? ''}`);
  }
  return program;
}
