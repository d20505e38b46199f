import { visibleColumns, xOf, yOf, type Viewport } from '../state/viewport';
import type { Mark, MarkFacts } from '../state/tools/marks';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

/** Half the width of a mark, its rim, and how far apart those of columns of several bins are, CSS px. */
const MARK = { half: 5.5, rim: 1.2, apart: 26 };

/** Corners of each shape, in halves of a mark, y upwards. */
const DIAMOND = [0, 1.15, 1.15, 0, 0, -1.15, -1.15, 0];
const SQUARE = [-0.9, 0.9, 0.9, 0.9, 0.9, -0.9, -0.9, -0.9];
const UP = [0, 1.1, 1.1, -0.9, -1.1, -0.9];
const DOWN = [0, -1.1, 1.1, 0.9, -1.1, 0.9];
const CROSS = [
  0, 0.45, 0.65, 1.1, 1.1, 0.65, 0.45, 0, 1.1, -0.65, 0.65, -1.1, 0, -0.45, -0.65, -1.1, -1.1,
  -0.65, -0.45, 0, -1.1, 0.65, -0.65, 1.1,
];

function shapeOf({ kind, side }: MarkFacts): readonly number[] {
  switch (kind) {
    case 'iceberg':
      return DIAMOND;
    case 'sweep':
      return side === 'sell' ? DOWN : UP;
    case 'large':
      return SQUARE;
    case 'pull':
      return CROSS;
  }
}

/** Adds the shape of a mark around a point to a path; `half` is half its width. */
export function addMark(path: Path2D, mark: MarkFacts, x: number, y: number, half: number): void {
  const corners = shapeOf(mark);
  for (let i = 0; i < corners.length; i += 2) {
    const [dx, dy] = [corners[i] ?? 0, corners[i + 1] ?? 0];
    if (i === 0) path.moveTo(x + dx * half, y - dy * half);
    else path.lineTo(x + dx * half, y - dy * half);
  }
  path.closePath();
}

interface Placed {
  seq: number;
  mark: Mark;
}

/** The largest mark of each part of the map: columns of several bins have more than there is room for. */
function largest(placed: readonly Placed[], brush: Brush, view: Viewport): Iterable<Placed> {
  const columns = Math.max(Math.round(brush.em(MARK.apart) / view.columnPx), 1);
  const cells = Math.max(Math.round(brush.em(MARK.apart) / view.rowPx), 1);
  const kept = new Map<string, Placed>();
  for (const one of placed) {
    // Parts of fixed columns and prices, so that nothing changes as the map moves.
    const part = `${Math.floor(one.seq / columns)} ${Math.floor(one.mark.cell / cells)}`;
    const other = kept.get(part);
    if (other === undefined || other.mark.size < one.mark.size) kept.set(part, one);
  }
  return kept.values();
}

/**
 * What only order-level data show, by shape: icebergs are diamonds, sweeps triangles that point their way, large trades
 * and orders squares, pulls crosses. The colour says whose, as that of trades does.
 */
export function drawMarks(brush: Brush, scene: Scene): void {
  if (!scene.overlays.marks) return;
  const { history, view, layout } = scene;
  const { from, to } = visibleColumns(view);
  const half = brush.em(MARK.half);
  const paths = { none: new Path2D(), sell: new Path2D(), buy: new Path2D() };
  const placed: Placed[] = [];
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    for (const mark of history.at(seq)?.marks ?? []) placed.push({ seq, mark });
  }
  if (placed.length === 0) return;
  for (const { seq, mark } of view.every === 1 ? placed : largest(placed, brush, view))
    addMark(paths[mark.side], mark, xOf(view, seq + 0.5), yOf(view, mark.cell), half);
  brush.clipped(layout.heat, () => {
    const { context } = brush;
    const fills = { none: PALETTE.text, sell: PALETTE.sell, buy: PALETTE.buy };
    for (const side of ['none', 'sell', 'buy'] as const) {
      context.lineJoin = 'round';
      context.strokeStyle = PALETTE.text;
      context.lineWidth = brush.em(4 * MARK.rim);
      context.stroke(paths[side]);
      context.strokeStyle = PALETTE.halo;
      context.lineWidth = brush.em(2 * MARK.rim);
      context.stroke(paths[side]);
      context.fillStyle = fills[side];
      context.fill(paths[side]);
    }
  });
}
