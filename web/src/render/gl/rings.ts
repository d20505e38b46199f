import type { History } from '../../state/history';
import { longestProjection } from '../../wire/cells';
import { CHANNELS, columnFlags, fillColumn, TEXELS } from '../column';
import { nearestTexture } from './program';

/** Units of the textures that mirror a history. */
export const CELLS_UNIT = 0;
export const COLUMNS_UNIT = 1;

/** Columns uploaded at a time: each upload costs, however small it is. */
const BLOCK = 64;
/** Anchor of a bin without a spot: no cell of it is ever in view. */
const NOWHERE = 1e8;

/** Textures that have a column for each bin of a history. */
interface Ring {
  cells: WebGLTexture;
  columns: WebGLTexture;
}

/** Textures by the history that they mirror: what is zoomed away from stays, and is there at once. */
export class Rings {
  private readonly all = new Map<History, Ring>();
  /** The one that is bound. */
  private bound: Ring | null = null;
  private readonly projection: number;
  private readonly block: Float32Array;
  private readonly flags = new Float32Array(2 * BLOCK);

  /** @param rows cells of a bin. @param columns what is packed of each. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly rows: number,
    columns: readonly string[],
  ) {
    this.projection = longestProjection(columns);
    this.block = new Float32Array(rows * CHANNELS * BLOCK);
  }

  end(): void {
    for (const { cells, columns } of this.all.values()) {
      this.gl.deleteTexture(cells);
      this.gl.deleteTexture(columns);
    }
    this.all.clear();
    this.bound = null;
  }

  /** Has the textures of a history in use; returns whether they are new, and hold nothing. */
  bind(history: History): boolean {
    const { gl } = this;
    const known = this.all.get(history);
    if (known !== undefined && known === this.bound) return false;
    const ring = known ?? this.make(history.capacity);
    gl.activeTexture(gl.TEXTURE0 + CELLS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, ring.cells);
    gl.activeTexture(gl.TEXTURE0 + COLUMNS_UNIT);
    gl.bindTexture(gl.TEXTURE_2D, ring.columns);
    this.all.set(history, ring);
    this.bound = ring;
    return known === undefined;
  }

  /** Takes over the bins from `from` to `to`, both included, of the history that is bound. */
  upload(history: History, from: number, to: number): void {
    for (let first = from; first <= to;) {
      const room = Math.min(BLOCK, history.capacity - history.slotOf(first));
      const count = Math.min(room, to - first + 1);
      this.uploadBlock(history, first, count);
      first += count;
    }
  }

  /** As {@link upload}, bins in any order. */
  uploadEach(history: History, seqs: readonly number[]): void {
    const sorted = [...seqs].sort((a, b) => a - b);
    let [from = 0] = sorted;
    sorted.forEach((seq, at) => {
      const next = sorted[at + 1];
      if (next !== undefined && next <= seq + 1) return;
      this.upload(history, from, seq);
      from = next ?? seq;
    });
  }

  /** Bins that lie beside one another in the textures. */
  private uploadBlock(history: History, first: number, count: number): void {
    const { gl, rows, block, flags } = this;
    const slot = history.slotOf(first);
    let some = false;
    for (let column = 0; column < count; column += 1) {
      const frame = history.at(first + column);
      const anchor = frame?.anchor ?? NaN;
      flags[2 * column] = Number.isFinite(anchor) ? anchor : NOWHERE;
      flags[2 * column + 1] = columnFlags(frame);
      if (frame === undefined) continue;
      some = true;
      fillColumn(frame, rows, block, this.projection, column, count);
    }
    gl.activeTexture(gl.TEXTURE0 + COLUMNS_UNIT);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, slot, 0, count, 1, gl.RG, gl.FLOAT, flags);
    if (!some) return;
    gl.activeTexture(gl.TEXTURE0 + CELLS_UNIT);
    const texels = rows * TEXELS;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, slot, 0, count, texels, gl.RGBA, gl.FLOAT, block);
  }

  private make(capacity: number): Ring {
    const { gl, rows } = this;
    const { TEXTURE_2D, RGBA32F, RGBA, RG32F, RG, FLOAT } = gl;
    const cells = nearestTexture(gl, CELLS_UNIT);
    gl.texImage2D(TEXTURE_2D, 0, RGBA32F, capacity, rows * TEXELS, 0, RGBA, FLOAT, null);
    const columns = nearestTexture(gl, COLUMNS_UNIT);
    gl.texImage2D(TEXTURE_2D, 0, RG32F, capacity, 1, 0, RG, FLOAT, null);
    return { cells, columns };
  }
}
