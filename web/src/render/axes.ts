import { formatClock, type ClockDetail } from '../state/clock';
import type { Frame } from '../state/frame';
import { formatPrice, type PriceGrid } from '../state/price';
import { priceStep, priceTicks, timeStep, timeTicks } from '../state/ticks';
import { seqAt, visibleCells, xOf, yOf } from '../state/viewport';
import { spanText } from '../state/zoom/levels';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const PRICE_SPACING = 44;
const TIME_SPACING = 96;
const TAG_HEIGHT = 20;
/** Room for a label of the time axis. */
const TIME_WIDTH = 52;

/** The prices that are named on the axis, with their heights. */
function pricesAlong(brush: Brush, { view, grid }: Scene): { y: number; value: bigint }[] {
  // A window may be too low for a map.
  if (view.rowPx === 0) return [];
  const { low, high } = visibleCells(view);
  const step = priceStep(grid.cellInt, view.rowPx, brush.em(PRICE_SPACING));
  return priceTicks(grid, low, high, step).map(({ at, value }) => ({ y: yOf(view, at), value }));
}

/** Lines across the map at the prices that the axis names. */
export function drawPriceLines(brush: Brush, scene: Scene): void {
  const { heat } = scene.layout;
  for (const { y } of pricesAlong(brush, scene)) {
    brush.horizontal(heat.left, heat.right, y, PALETTE.gridline);
  }
}

export function drawPriceAxis(brush: Brush, scene: Scene): void {
  const { layout, grid } = scene;
  const { heat, priceAxis } = layout;
  const tags = tagPositions(brush, scene);
  brush.font(11);
  for (const { y, value } of pricesAlong(brush, scene)) {
    const clear = brush.em(8);
    if (y < heat.top + clear || y > heat.bottom - clear) continue;
    // A tag says its own price; a label half behind it says nothing.
    if (tags.some((tag) => Math.abs(tag - y) < brush.em(TAG_HEIGHT / 2) + clear)) continue;
    brush.horizontal(priceAxis.left, priceAxis.left + brush.px(4), y, PALETTE.axisLine);
    brush.text(grid.format(value), priceAxis.right - brush.em(10), y, 'right', PALETTE.axisText);
  }
  brush.vertical(priceAxis.left, heat.top, heat.bottom, PALETTE.axisLine);
}

/** Where tags lie on the price axis: the mid of the newest bin, and the price under the pointer. */
function tagPositions(brush: Brush, scene: Scene): number[] {
  const { layout, view, newest } = scene;
  const tags: number[] = [];
  if (newest?.valid === true) tags.push(yOf(view, (newest.bid + newest.ask) / 2));
  const pointed = pointedY(scene);
  if (pointed !== null) tags.push(pointed);
  return tags.map((y) => tagMiddle(brush, layout, y));
}

/** Where the tag of the price under the pointer lies; null where the pointer is not on the map. */
function pointedY({ layout, view, hovered, pointer }: Scene): number | null {
  if (hovered === null || pointer === null || pointer.y >= layout.heat.bottom) return null;
  return yOf(view, hovered.cell);
}

/** The middle of a tag for a price at `y`: it stays beside the map. */
function tagMiddle(brush: Brush, { heat }: Scene['layout'], y: number): number {
  const half = brush.em(TAG_HEIGHT / 2);
  return Math.min(Math.max(y, heat.top + half), heat.bottom - half);
}

/** The times that are named on the axis, with their places. */
function timesAlong(
  brush: Brush,
  { layout, view, time }: Scene,
): { x: number; at: number; detail: ClockDetail }[] {
  const timeAt = (seq: number): number => time.originMs + seq * time.binMs;
  const step = timeStep(time.binMs / view.columnPx, brush.em(TIME_SPACING));
  const detail: ClockDetail = step < 1000 ? 'tenths' : step < 60_000 ? 'seconds' : 'minutes';
  const from = timeAt(seqAt(view, layout.heat.left));
  return timeTicks(from, timeAt(view.edge), step).map((at) => ({
    x: xOf(view, (at - time.originMs) / time.binMs),
    at,
    detail,
  }));
}

export function drawTimeAxis(brush: Brush, scene: Scene): void {
  const { heat, delta, signal, timeAxis } = scene.layout;
  const y = (timeAxis.top + timeAxis.bottom) / 2;
  brush.font(11);
  for (const { x, at, detail } of timesAlong(brush, scene)) {
    brush.vertical(x, heat.top, heat.bottom, PALETTE.gridline);
    brush.vertical(x, delta.top, delta.bottom, PALETTE.gridline);
    brush.vertical(x, signal.top, signal.bottom, PALETTE.gridline);
    const clear = brush.em(TIME_WIDTH / 2);
    if (x < heat.left + clear || x > heat.right - clear) continue;
    brush.vertical(x, timeAxis.top, timeAxis.top + brush.px(4), PALETTE.axisLine);
    brush.text(formatClock(at, detail), x, y, 'center', PALETTE.axisText);
  }
  brush.horizontal(timeAxis.left, timeAxis.right, timeAxis.top, PALETTE.axisLine);
  brush.text('New York', timeAxis.right - brush.em(10), y, 'right', PALETTE.axisText);
}

/** What a column is, where it is not one bin. */
export function drawColumnName(brush: Brush, { layout, view, time }: Scene): void {
  if (view.every === 1) return;
  const text = `${spanText(time.binMs)} a column: its last bin, with the trades and extremes of all`;
  brush.font(11, 600);
  brush.name(text, layout.heat.left + brush.em(12), layout.heat.bottom - brush.em(14), 'left');
}

/** The mid of the newest bin on the price axis; none while the book is not valid. */
export function drawMidTag(brush: Brush, scene: Scene, newest: Frame): void {
  const { layout, view, grid } = scene;
  if (!newest.valid) return;
  const y = yOf(view, (newest.bid + newest.ask) / 2);
  const pointed = pointedY(scene);
  // Half behind the tag of the price under the pointer it says nothing.
  if (pointed !== null && Math.abs(pointed - y) < brush.em(TAG_HEIGHT)) return;
  brush.font(11, 600);
  // What is not live is grey here too.
  drawPriceTag(brush, layout, y, midText(newest, grid), {
    fill: scene.live ? PALETTE.text : PALETTE.axisText,
    text: PALETTE.ground,
  });
}

/** The mid with one more place than prices have when it lies between two of them. */
function midText(frame: Frame, grid: PriceGrid): string {
  const twice = BigInt(frame.update.best_bid_price_int) + BigInt(frame.update.best_ask_price_int);
  const unit = 2n * 10n ** BigInt(9 - grid.decimals);
  return formatPrice(twice / 2n, twice % unit === 0n ? grid.decimals : grid.decimals + 1);
}

export function drawCrosshair(brush: Brush, scene: Scene): void {
  const { layout, view, grid, time, hovered, pointer } = scene;
  if (hovered === null || pointer === null) return;
  const { heat, delta, signal, timeAxis } = layout;
  const x = xOf(view, hovered.seq + 0.5);
  brush.vertical(x, heat.top, heat.bottom, PALETTE.crosshair);
  brush.vertical(x, delta.top, delta.bottom, PALETTE.crosshair);
  brush.vertical(x, signal.top, signal.bottom, PALETTE.crosshair);
  brush.font(11, 600);
  const colours = { fill: PALETTE.tag, text: PALETTE.text };
  if (pointer.y < heat.bottom) {
    const y = yOf(view, hovered.cell);
    brush.horizontal(heat.left, heat.right, y, PALETTE.crosshair);
    drawPriceTag(brush, layout, y, grid.format(grid.priceAt(hovered.cell)), colours);
  }
  const half = brush.em(48);
  const centre = Math.min(Math.max(x, heat.left + half), heat.right - half);
  const top = timeAxis.top + brush.px(3);
  // A label half behind the tag says nothing.
  const label = brush.em(TIME_WIDTH / 2);
  brush.context.fillStyle = PALETTE.ground;
  for (const { x: at } of timesAlong(brush, scene)) {
    if (Math.abs(at - centre) < half + label)
      brush.context.fillRect(at - label, top, 2 * label, brush.em(TAG_HEIGHT));
  }
  brush.tag(
    formatClock(time.originMs + hovered.seq * time.binMs, 'millis'),
    { left: centre - half, right: centre + half, top, bottom: top + brush.em(TAG_HEIGHT) },
    colours,
  );
}

function drawPriceTag(
  brush: Brush,
  layout: Scene['layout'],
  y: number,
  text: string,
  colours: { fill: string; text: string },
): void {
  const { priceAxis } = layout;
  const half = brush.em(TAG_HEIGHT / 2);
  const middle = tagMiddle(brush, layout, y);
  brush.tag(
    text,
    {
      left: priceAxis.left + brush.px(4),
      right: priceAxis.right - brush.px(4),
      top: middle - half,
      bottom: middle + half,
    },
    colours,
  );
}
