import type { History } from '../state/history';
import type { Mode } from '../state/modes';
import type { Viewport } from '../state/viewport';
import { CanvasHeatmap } from './heatmap2d';
import { GlHeatmap } from './heatmapgl';

/** How the values of a mode become colours. */
export interface ColourScale {
  mode: Mode;
  /** Magnitude of the strongest colour. */
  range: number;
  /** Magnitude up to which there is no colour, below `range`. */
  low: number;
}

/** Draws the cells of the visible bins; nothing else. */
export interface Heatmap {
  /** "webgl2" or "canvas". */
  readonly kind: string;
  /** Grows when what was drawn is gone, and has to be drawn again. */
  readonly revision: number;
  /** Columns it can hold. */
  readonly widest: number;
  /** Prepares for histories of bins of `rows` cells, packed in these columns; what it holds of others is given back. */
  configure(rows: number, columns: readonly string[]): void;
  /** Takes over the bins that changed; returns how many, gaps not counted. */
  sync(history: History): number;
  /** Draws of the history that was taken over last. */
  draw(history: History, view: Viewport, scale: ColourScale, ratio: number): void;
  /** Gives back what it holds; nothing is drawn any more. */
  end(): void;
}

/** The fastest heatmap this browser can do. */
export function createHeatmap(canvas: HTMLCanvasElement): Heatmap {
  const gl = canvas.getContext('webgl2', {
    alpha: false,
    antialias: false,
    depth: false,
    powerPreference: 'high-performance',
  });
  if (gl !== null) return new GlHeatmap(gl, canvas);
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('this browser can draw neither WebGL2 nor canvas 2D');
  return new CanvasHeatmap(context);
}
