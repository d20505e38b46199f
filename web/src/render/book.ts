import type { Frame } from '../state/frame';
import { visibleColumns, xOf, yOf, type Viewport } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const LINE_WIDTH = 1.4;
/** Radii of trade marks in CSS px; the area is the volume. */
const MARK = { least: 1.6, most: 14, perRootLot: 0.8, rim: 1 };

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

/** A mark at the last trade of every bin that has trades, by size and by the side that traded more. */
export function drawTrades(brush: Brush, scene: Scene): void {
  const { history, view, layout } = scene;
  const buys = new Path2D();
  const sells = new Path2D();
  const { from, to } = visibleColumns(view);
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    const frame = history.at(seq);
    if (frame === undefined || Number.isNaN(frame.trade)) continue;
    const { buy_volume: buy, sell_volume: sell } = frame.update;
    addMark(buy >= sell ? buys : sells, view, frame, markRadius(brush, buy + sell));
  }
  brush.clipped(layout.heat, () => {
    fillMarks(brush, buys, PALETTE.buy);
    fillMarks(brush, sells, PALETTE.sell);
  });
}

function markRadius(brush: Brush, volume: number): number {
  const { least, most, perRootLot } = MARK;
  return brush.em(Math.min(Math.max(perRootLot * Math.sqrt(volume), least), most));
}

function addMark(path: Path2D, view: Viewport, frame: Frame, radius: number): void {
  const x = xOf(view, frame.seq + 0.5);
  const y = yOf(view, frame.trade);
  path.moveTo(x + radius, y);
  path.arc(x, y, radius, 0, 2 * Math.PI);
}

function fillMarks(brush: Brush, marks: Path2D, fill: string): void {
  const { context } = brush;
  context.strokeStyle = PALETTE.halo;
  context.lineWidth = brush.em(2 * MARK.rim);
  context.stroke(marks);
  context.fillStyle = fill;
  context.fill(marks);
}
