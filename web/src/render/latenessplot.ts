import { count } from '../state/format';
import { allowedLateness } from '../state/freshness';
import { heightOf } from '../state/layout';
import { visibleColumns, xOf } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

/** Room above the greatest lateness, CSS px. */
const PADDING = 5;

/** Greatest lateness of each column in view, and of all of them, ms. */
function inView({ view, session }: Scene): { from: number; columns: number[]; worst: number } {
  const { from, to } = visibleColumns(view);
  const columns: number[] = [];
  let worst = NaN;
  for (let column = from; column <= to; column += 1) {
    const ms = session.lateness.worst(column * view.every, (column + 1) * view.every - 1);
    columns.push(ms);
    if (!(ms <= worst)) worst = Number.isNaN(ms) ? worst : ms;
  }
  return { from, columns, worst };
}

/** How late bins came, as bars on the time axis of the map; those that were too late are in the colour of a warning. */
export function drawLateness(brush: Brush, scene: Scene): void {
  const { layout, view, session } = scene;
  const { lateness: plot, priceAxis } = layout;
  if (heightOf(plot) === 0) return;
  const { context } = brush;
  context.fillStyle = PALETTE.ground;
  context.fillRect(plot.left, plot.top, priceAxis.right - plot.left, heightOf(plot));
  const { from, columns, worst } = inView(scene);
  const allowed = allowedLateness(session.binMs);
  const full = Math.max(worst || 0, 2 * allowed);
  const room = heightOf(plot) - brush.em(PADDING);
  brush.clipped(plot, () => {
    let first = 0;
    for (let next = 1; next <= columns.length; next += 1) {
      const height = heightAt(columns[first], full, room);
      const late = (columns[first] ?? 0) > allowed;
      const same = next < columns.length && heightAt(columns[next], full, room) === height;
      if (same && (columns[next] ?? 0) > allowed === late) continue;
      if (height > 0) {
        context.fillStyle = late ? PALETTE.invalid : PALETTE.axisText;
        const width = (next - first) * view.columnPx;
        context.fillRect(xOf(view, from + first), plot.bottom - height, width, height);
      }
      first = next;
    }
  });
}

/** Height of a bar in whole device px; what came in time has one px, and what did not come by itself none. */
function heightAt(ms: number | undefined, full: number, room: number): number {
  if (ms === undefined || Number.isNaN(ms)) return 0;
  return Math.max(Math.round((ms / full) * room), 1);
}

/** The axis of the plot, and its name. */
export function drawLatenessAxis(brush: Brush, scene: Scene): void {
  const { lateness: plot, priceAxis } = scene.layout;
  if (heightOf(plot) === 0) return;
  const { worst } = inView(scene);
  brush.font(11);
  const middle = (plot.top + plot.bottom) / 2;
  const text = Number.isNaN(worst) ? '' : `${count(worst)} ms`;
  brush.text(text, priceAxis.right - brush.em(10), middle, 'right', PALETTE.axisText);
  brush.vertical(priceAxis.left, plot.top, plot.bottom, PALETTE.axisLine);
  brush.horizontal(plot.left, priceAxis.right, plot.top, PALETTE.axisLine);
  brush.font(11, 600);
  brush.name('Lateness', plot.left + brush.em(12), plot.top + brush.em(12), 'left');
}
