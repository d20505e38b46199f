import type { OverviewColumn } from '../state/overview';
import type { PricedMark } from '../state/tools/marks';
import { addMark } from './marks';
import { PALETTE } from './palette';

/** Share of the height that the volumes take. */
const VOLUME_SHARE = 0.4;
/** Above and below the prices, CSS px. */
const MARGIN = 3;
/** Half the width of a mark, its rim, and how far it is from a larger one at least, CSS px. */
const MARK = { half: 3.5, rim: 1, apart: 18 };
/** Marks of a column that are considered: most would lie upon one another. */
const MOST_OF_COLUMN = 3;

/** A size in device px, and device px of a CSS px. */
export interface PlotSize {
  width: number;
  height: number;
  ratio: number;
}

/** What the whole session is drawn from. */
export interface SessionColumns {
  columns: readonly (OverviewColumn | undefined)[];
  /** Width of a column, device px. */
  columnPx: number;
  /** Whether marks are drawn. */
  marks: boolean;
}

/** Prices as a line, volumes as bars by aggressor, and the largest marks where they happened. */
export function drawSession(
  context: CanvasRenderingContext2D,
  { width, height, ratio }: PlotSize,
  { columns, columnPx, marks }: SessionColumns,
): void {
  context.clearRect(0, 0, width, height);
  const known = columns.filter((column) => column !== undefined);
  const prices = known.map(({ mid }) => mid).filter((mid) => mid > 0);
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const most = Math.max(...known.map(({ buyVolume, sellVolume }) => buyVolume + sellVolume), 1);
  const margin = MARGIN * ratio;
  const room = height * (1 - VOLUME_SHARE) - 2 * margin;
  const yOf = (price: number): number => {
    const share = high > low ? (price - low) / (high - low) : 0.5;
    return margin + (1 - Math.min(Math.max(share, 0), 1)) * room;
  };
  const line = new Path2D();
  const places: Placed[] = [];
  let joined = false;
  columns.forEach((column, index) => {
    const middle = (index + 0.5) * columnPx;
    if (column !== undefined)
      drawVolumes(context, column, index * columnPx, columnPx, height, most);
    for (const mark of column?.marks.slice(0, MOST_OF_COLUMN) ?? [])
      places.push({ mark, x: middle, y: yOf(mark.price) });
    if (column === undefined || !(column.mid > 0)) {
      joined = false;
      return;
    }
    if (joined) line.lineTo(middle, yOf(column.mid));
    else line.moveTo(middle, yOf(column.mid));
    joined = true;
  });
  context.strokeStyle = PALETTE.text;
  context.lineWidth = Math.max(1.2 * ratio, 1);
  context.stroke(line);
  if (marks) drawMarksApart(context, places, ratio);
}

interface Placed {
  mark: PricedMark;
  x: number;
  y: number;
}

/** The largest marks, and each smaller one that is apart from all of these. */
function drawMarksApart(context: CanvasRenderingContext2D, places: Placed[], ratio: number): void {
  const shapes = { none: new Path2D(), sell: new Path2D(), buy: new Path2D() };
  const drawn: Placed[] = [];
  for (const place of places.sort((a, b) => b.mark.size - a.mark.size)) {
    const { mark, x, y } = place;
    if (drawn.some((other) => Math.hypot(other.x - x, other.y - y) < MARK.apart * ratio)) continue;
    drawn.push(place);
    addMark(shapes[mark.side], mark, x, y, MARK.half * ratio);
  }
  const fills = { none: PALETTE.text, sell: PALETTE.sell, buy: PALETTE.buy };
  for (const side of ['none', 'sell', 'buy'] as const) {
    context.strokeStyle = PALETTE.halo;
    context.lineWidth = 2 * MARK.rim * ratio;
    context.stroke(shapes[side]);
    context.fillStyle = fills[side];
    context.fill(shapes[side]);
  }
}

function drawVolumes(
  context: CanvasRenderingContext2D,
  { buyVolume, sellVolume }: OverviewColumn,
  x: number,
  columnPx: number,
  height: number,
  most: number,
): void {
  const buys = (buyVolume / most) * height * VOLUME_SHARE;
  const sells = (sellVolume / most) * height * VOLUME_SHARE;
  const bar = Math.max(columnPx - 1, 1);
  context.fillStyle = PALETTE.sell;
  context.fillRect(x, height - sells, bar, sells);
  context.fillStyle = PALETTE.buy;
  context.fillRect(x, height - sells - buys, bar, buys);
}
