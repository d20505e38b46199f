import type { Frame } from '../state/frame';
import { visibleColumns, xOf, yOf, type Viewport } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const LINE_WIDTH = 1.4;
/** Radii of trade marks in CSS px; `far` is that of the largest one where several bins are a column. */
const MARK = { least: 1.6, most: 14, perRootLot: 0.8, far: 8, rim: 1 };

/** Best bid and ask as step lines; nothing is drawn where the book is not valid. */
export function drawBestPrices(brush: Brush, scene: Scene): void {
  const { layout } = scene;
  brush.clipped(layout.heat, () => {
    brush.haloed(
      stepLine(scene, (frame) => frame.ask),
      PALETTE.sell,
      LINE_WIDTH,
    );
    brush.haloed(
      stepLine(scene, (frame) => frame.bid),
      PALETTE.buy,
      LINE_WIDTH,
    );
  });
}

function stepLine({ history, view }: Scene, priceOf: (frame: Frame) => number): Path2D {
  const path = new Path2D();
  const { from, to } = visibleColumns(view);
  let previous = NaN;
  let pending = false;
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    const frame = history.at(seq);
    const price = frame === undefined ? NaN : priceOf(frame);
    if (Number.isNaN(price)) {
      if (pending) path.lineTo(xOf(view, seq), yOf(view, previous));
      pending = false;
    } else if (!pending) {
      path.moveTo(xOf(view, seq), yOf(view, price));
      pending = true;
    } else if (price !== previous) {
      // Flat stretches are one segment, however many bins they span.
      path.lineTo(xOf(view, seq), yOf(view, previous));
      path.lineTo(xOf(view, seq), yOf(view, price));
    }
    previous = price;
  }
  if (pending) path.lineTo(xOf(view, Math.min(to, history.head) + 1), yOf(view, previous));
  return path;
}

/** Where trades are nearer to one another than this, CSS px, they are drawn as one. */
const CLUSTER_PX = 9;
/** More prices than one view can have. */
const CELLS = 8192;

interface Cluster {
  /** Volume and its first moments, whose ratios are the mean place. */
  volume: number;
  seqs: number;
  cells: number;
}

/**
 * Circles where trades were, buyers' and sellers' apart; the area is the volume. Neighbours that would overlap are one
 * circle. Groups are of fixed bins and prices, so that circles do not change as the map moves.
 */
export function drawTrades(brush: Brush, scene: Scene): void {
  const { history, view, layout } = scene;
  const bins = Math.max(Math.round(brush.em(CLUSTER_PX) / view.columnPx), 1);
  const cells = Math.max(Math.round(brush.em(CLUSTER_PX) / view.rowPx), 1);
  const [buys, sells] = [new Map<number, Cluster>(), new Map<number, Cluster>()];
  const { from, to } = visibleColumns(view);
  const first = Math.max(from - (from % bins) - bins, history.tail);
  const firstGroup = Math.floor(first / bins);
  for (let seq = first; seq <= Math.min(to + bins, history.head); seq += 1) {
    for (const { cell, buy, sell } of history.at(seq)?.prints ?? []) {
      const key =
        (Math.floor(seq / bins) - firstGroup) * CELLS + (Math.floor(cell / cells) & (CELLS - 1));
      if (buy > 0) gather(buys, key, seq, cell, buy);
      if (sell > 0) gather(sells, key, seq, cell, sell);
    }
  }
  const perRootLot = view.every === 1 ? MARK.perRootLot : sizeAmong([buys, sells]);
  brush.clipped(layout.heat, () => {
    fillMarks(brush, marksOf(brush, view, sells, perRootLot), PALETTE.sell);
    fillMarks(brush, marksOf(brush, view, buys, perRootLot), PALETTE.buy);
  });
}

/** Radius of a circle of one lot: in columns of several bins all volumes are large, and stay apart from one another. */
function sizeAmong(sides: readonly Map<number, Cluster>[]): number {
  let most = 1;
  for (const clusters of sides)
    for (const { volume } of clusters.values()) most = Math.max(most, volume);
  return Math.min(MARK.perRootLot, MARK.far / Math.sqrt(most));
}

function gather(
  into: Map<number, Cluster>,
  key: number,
  seq: number,
  cell: number,
  volume: number,
): void {
  const cluster = into.get(key) ?? { volume: 0, seqs: 0, cells: 0 };
  cluster.volume += volume;
  cluster.seqs += volume * seq;
  cluster.cells += volume * cell;
  into.set(key, cluster);
}

function marksOf(
  brush: Brush,
  view: Viewport,
  clusters: Map<number, Cluster>,
  perRootLot: number,
): Path2D {
  const path = new Path2D();
  const { least, most } = MARK;
  for (const { volume, seqs, cells } of clusters.values()) {
    const x = xOf(view, seqs / volume + 0.5);
    const y = yOf(view, cells / volume);
    const radius = brush.em(Math.min(Math.max(perRootLot * Math.sqrt(volume), least), most));
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
  }
  return path;
}

/** Half way between best bid and ask; nothing is drawn where the book is not valid. */
export function drawMid(brush: Brush, scene: Scene): void {
  const { context } = brush;
  brush.clipped(scene.layout.heat, () => {
    context.strokeStyle = PALETTE.text;
    context.lineWidth = brush.hair();
    context.stroke(stepLine(scene, (frame) => (frame.bid + frame.ask) / 2));
  });
}

/** The volume-weighted mean price since the start, dashed. */
export function drawVwap(brush: Brush, scene: Scene): void {
  const { context } = brush;
  brush.clipped(scene.layout.heat, () => {
    context.setLineDash([brush.em(7), brush.em(4)]);
    brush.haloed(
      stepLine(scene, (frame) => frame.vwap),
      PALETTE.vwap,
      LINE_WIDTH,
    );
    context.setLineDash([]);
  });
}

function fillMarks(brush: Brush, marks: Path2D, fill: string): void {
  const { context } = brush;
  context.strokeStyle = PALETTE.halo;
  context.lineWidth = brush.em(2 * MARK.rim);
  context.stroke(marks);
  context.fillStyle = fill;
  context.fill(marks);
}
