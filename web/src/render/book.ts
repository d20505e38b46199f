import type { Frame } from '../state/frame';
import { visibleColumns, xOf, yOf, type Viewport } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const LINE_WIDTH = 1.4;
/** Radii of trade marks in CSS px; the area grows with the volume. */
const MARK = { least: 1, most: 4.5, perRootLot: 0.35 };
/** Largest radius in column widths: where every bin has trades, larger marks would hide the price lines. */
const MARK_COLUMNS = 0.75;

/** Best bid and ask as step lines; nothing is drawn where the book is not valid. */
export function drawBestPrices(brush: Brush, scene: Scene): void {
  const { layout } = scene;
  brush.clipped(layout.heat, () => {
    brush.haloed(
      stepLine(scene, (frame) => frame.ask),
      PALETTE.ask,
      LINE_WIDTH,
    );
    brush.haloed(
      stepLine(scene, (frame) => frame.bid),
      PALETTE.bid,
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
    addMark(buy >= sell ? buys : sells, view, frame, markRadius(brush, view, buy + sell));
  }
  brush.clipped(layout.heat, () => {
    fillMarks(brush, buys, PALETTE.buyTrade, PALETTE.bid);
    fillMarks(brush, sells, PALETTE.sellTrade, PALETTE.ask);
  });
}

function markRadius(brush: Brush, view: Viewport, volume: number): number {
  const least = brush.px(MARK.least);
  const most = Math.max(Math.min(view.columnPx * MARK_COLUMNS, brush.px(MARK.most)), least);
  return Math.min(least + brush.px(MARK.perRootLot) * Math.sqrt(volume), most);
}

function addMark(path: Path2D, view: Viewport, frame: Frame, radius: number): void {
  const x = xOf(view, frame.seq + 0.5);
  const y = yOf(view, frame.trade);
  path.moveTo(x + radius, y);
  path.arc(x, y, radius, 0, 2 * Math.PI);
}

function fillMarks(brush: Brush, marks: Path2D, fill: string, rim: string): void {
  const { context } = brush;
  context.globalAlpha = 0.85;
  context.fillStyle = fill;
  context.fill(marks);
  context.globalAlpha = 1;
  context.strokeStyle = rim;
  context.lineWidth = brush.px(0.5);
  context.stroke(marks);
}
