import { CELL_FIELDS } from '../wire/cells';
import type { Frame } from '../state/frame';
import { count } from '../state/format';
import { widthOf } from '../state/layout';
import { visibleCells, visibleColumns, yOf } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const BIDS = CELL_FIELDS.indexOf('bid_depth');
const ASKS = CELL_FIELDS.indexOf('ask_depth');
/** Rows lower than this, CSS px, have bars without numbers. */
const ROW_PX = 10.5;
/** Share of the width for what was traded; the rest is for what is resting. */
const TRADED_SHARE = 0.45;

/** Beside the map, on its price axis: what was traded in view at each price, and what rests there in the newest bin in view. */
export function drawLadder(brush: Brush, scene: Scene): void {
  const { layout, view, history, newest } = scene;
  const { ladder } = layout;
  if (widthOf(ladder) === 0) return;
  const { context } = brush;
  const middle = ladder.left + Math.round(widthOf(ladder) * TRADED_SHARE);
  context.fillStyle = PALETTE.ground;
  context.fillRect(ladder.left, ladder.top, widthOf(ladder), ladder.bottom - ladder.top);
  brush.clipped(ladder, () => {
    drawTraded(brush, scene, middle - brush.em(4));
    const frame = history.at(Math.ceil(view.edge) - 1) ?? newest;
    if (frame?.valid === true) drawResting(brush, scene, frame, middle);
  });
  brush.vertical(ladder.left, ladder.top, ladder.bottom, PALETTE.axisLine);
  brush.font(10, 600);
  const top = ladder.top + brush.em(9);
  brush.name('Traded', ladder.left + brush.em(6), top, 'left');
  brush.name('Bid/ask', ladder.right - brush.em(5), top, 'right');
}

function drawTraded(brush: Brush, { layout, view, history }: Scene, right: number): void {
  const traded = new Map<number, { buy: number; sell: number }>();
  const { from, to } = visibleColumns(view);
  let most = 1;
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    for (const { cell, buy, sell } of history.at(seq)?.prints ?? []) {
      const row = Math.round(cell);
      const at = traded.get(row) ?? { buy: 0, sell: 0 };
      at.buy += buy;
      at.sell += sell;
      most = Math.max(most, at.buy + at.sell);
      traded.set(row, at);
    }
  }
  const { context } = brush;
  const left = layout.ladder.left + brush.em(3);
  const height = Math.max(view.rowPx - brush.hair(), 1);
  for (const [cell, { buy, sell }] of traded) {
    const y = yOf(view, cell) - view.rowPx / 2;
    const [buys, sells] = [buy, sell].map((volume) => (volume / most) * (right - left));
    context.fillStyle = PALETTE.buy;
    context.fillRect(left, y, buys ?? 0, height);
    context.fillStyle = PALETTE.sell;
    context.fillRect(left + (buys ?? 0), y, sells ?? 0, height);
  }
}

function drawResting(
  brush: Brush,
  { layout, view, rows }: Scene,
  frame: Frame,
  left: number,
): void {
  const { context } = brush;
  const { ladder } = layout;
  const { low, high } = visibleCells(view);
  const radius = (rows - 1) / 2;
  const first = Math.max(Math.ceil(low - 0.5), frame.anchor - radius);
  const last = Math.min(Math.floor(high + 0.5), frame.anchor + radius);
  const at = (field: number, cell: number): number =>
    frame.cells[field * rows + cell - frame.anchor + radius] ?? 0;
  let most = 1;
  for (let cell = first; cell <= last; cell += 1) {
    most = Math.max(most, at(BIDS, cell), at(ASKS, cell));
  }
  const height = Math.max(view.rowPx - brush.hair(), 1);
  const numbered = view.rowPx >= brush.em(ROW_PX);
  brush.font(Math.min(ROW_PX, 10));
  for (let cell = first; cell <= last; cell += 1) {
    const y = yOf(view, cell);
    for (const [field, colour] of [
      [BIDS, PALETTE.buyBar],
      [ASKS, PALETTE.sellBar],
    ] as const) {
      const size = at(field, cell);
      if (size === 0) continue;
      const width = (size / most) * (ladder.right - left - brush.em(3));
      context.fillStyle = colour;
      context.fillRect(ladder.right - width, y - view.rowPx / 2, width, height);
      if (numbered) brush.text(count(size), ladder.right - brush.em(4), y, 'right', PALETTE.text);
    }
  }
}
