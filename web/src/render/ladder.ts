import { CELL_FIELDS } from '../wire/cells';
import type { Frame } from '../state/frame';
import { count } from '../state/format';
import { widthOf } from '../state/layout';
import type { Traded } from '../state/live/profile';
import { visibleCells, yOf, type Viewport } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const BIDS = CELL_FIELDS.indexOf('bid_depth');
const ASKS = CELL_FIELDS.indexOf('ask_depth');
/** Rows lower than this, CSS px, have bars without numbers. */
const ROW_PX = 10.5;
/** Shares of the width: what was traded in the session, what in the last seconds; the rest is for what is resting. */
const SHARES = { session: 0.32, last: 0.36 };
/** The last seconds. */
const LAST_MS = 10_000;

/** A column of the ladder, device px. */
interface Strip {
  left: number;
  right: number;
}

/** A price that is in view. */
interface Row {
  cell: number;
  /** Its middle. */
  y: number;
}

/**
 * Beside the map, on its price axis: what was traded at each price since the session's first bin, what in the last
 * seconds, and what rests there; all of it as of the newest bin in view.
 */
export function drawLadder(brush: Brush, scene: Scene): void {
  const { layout, view, history, newest, session } = scene;
  const { ladder } = layout;
  if (widthOf(ladder) === 0) return;
  const { context } = brush;
  context.fillStyle = PALETTE.ground;
  context.fillRect(ladder.left, ladder.top, widthOf(ladder), ladder.bottom - ladder.top);
  const to = Math.min(Math.ceil(view.edge) * view.every - 1, session.history.head);
  const whole = session.profile.upTo(to);
  const last = lastTraded(scene, to);
  const [traded, resting] = [SHARES.session, SHARES.session + SHARES.last].map(
    (share) => ladder.left + Math.round(widthOf(ladder) * share),
  );
  const strips = [ladder.left, traded ?? 0, resting ?? 0, ladder.right];
  const strip = (index: number): Strip => ({
    left: (strips[index] ?? 0) + brush.em(3),
    right: (strips[index + 1] ?? 0) - brush.em(3),
  });
  const rows = rowsInView(scene);
  const height = Math.max(view.rowPx - brush.hair(), 1);
  brush.clipped(ladder, () => {
    drawSession(brush, rows, height, strip(0), (cell) => session.profile.at(cell));
    drawLast(brush, view, height, strip(1), last);
    const frame = history.at(Math.ceil(view.edge) - 1) ?? newest;
    if (frame?.valid === true) drawResting(brush, scene, frame, strip(2).left);
  });
  for (const x of strips.slice(0, 3))
    brush.vertical(x, ladder.top, ladder.bottom, PALETTE.axisLine);
  brush.font(10, 600);
  const top = ladder.top + brush.em(9);
  // Three dots until all that was traded is known.
  brush.name(whole ? 'Session' : 'Session…', strip(0).left, top, 'left');
  brush.name(`${LAST_MS / 1000} s`, strip(1).left, top, 'left');
  brush.name('Bid/ask', strip(2).right, top, 'right');
}

function rowsInView({ view }: Scene): Row[] {
  // A window may be too low for a map.
  if (view.rowPx === 0) return [];
  const { low, high } = visibleCells(view);
  const rows: Row[] = [];
  for (let cell = Math.ceil(low - 0.5); cell <= Math.floor(high + 0.5); cell += 1)
    rows.push({ cell, y: yOf(view, cell) });
  return rows;
}

/** What was traded in the last seconds up to a bin, by price. */
function lastTraded({ view, history, session }: Scene, to: number): ReadonlyMap<number, Traded> {
  // Further back than the stream's bins are kept, the map has bins of its own.
  const bins = view.every === 1 ? history : session.history;
  const traded = new Map<number, Traded>();
  for (let seq = to - Math.round(LAST_MS / session.binMs) + 1; seq <= to; seq += 1) {
    for (const { cell, buy, sell } of bins.at(seq)?.prints ?? []) {
      const row = Math.round(cell);
      const before = traded.get(row);
      traded.set(row, { buy: (before?.buy ?? 0) + buy, sell: (before?.sell ?? 0) + sell });
    }
  }
  return traded;
}

/** Bars from the left, buyers' first. */
function drawSession(
  brush: Brush,
  rows: readonly Row[],
  height: number,
  { left, right }: Strip,
  at: (cell: number) => Traded,
): void {
  const { context } = brush;
  const traded = rows.map(({ cell }) => at(cell));
  const most = Math.max(1, ...traded.map(({ buy, sell }) => buy + sell));
  rows.forEach(({ y }, index) => {
    const { buy = 0, sell = 0 } = traded[index] ?? {};
    if (buy + sell === 0) return;
    const [buys, sells] = [buy, sell].map((volume) => (volume / most) * (right - left));
    context.fillStyle = PALETTE.buy;
    context.fillRect(left, y - height / 2, buys ?? 0, height);
    context.fillStyle = PALETTE.sell;
    context.fillRect(left + (buys ?? 0), y - height / 2, sells ?? 0, height);
  });
}

/** Bars from the middle: what sellers took to the left, what buyers took to the right. */
function drawLast(
  brush: Brush,
  view: Viewport,
  height: number,
  { left, right }: Strip,
  traded: ReadonlyMap<number, Traded>,
): void {
  const { context } = brush;
  const middle = Math.round((left + right) / 2);
  const most = Math.max(1, ...[...traded.values()].flatMap(({ buy, sell }) => [buy, sell]));
  const numbered = height >= brush.em(ROW_PX) - brush.hair();
  brush.font(10);
  for (const [cell, { buy, sell }] of traded) {
    const y = yOf(view, cell);
    const [buys, sells] = [buy, sell].map((volume) => (volume / most) * (right - middle));
    context.fillStyle = PALETTE.buyBar;
    context.fillRect(middle, y - height / 2, buys ?? 0, height);
    context.fillStyle = PALETTE.sellBar;
    context.fillRect(middle - (sells ?? 0), y - height / 2, sells ?? 0, height);
    if (!numbered) continue;
    if (buy > 0) brush.text(count(buy), right, y, 'right', PALETTE.text);
    if (sell > 0) brush.text(count(sell), left, y, 'left', PALETTE.text);
  }
}

/** Bars from the right, by side. */
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
  brush.font(10);
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
