import { signed } from '../state/format';
import type { Frame } from '../state/frame';
import { heightOf } from '../state/layout';
import { visibleColumns, xOf } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const PADDING = 9;

/** The frames in view, and the least and the greatest of their deltas. */
function inView({ view, history }: Scene): { frames: Frame[]; low: number; high: number } {
  const { from, to } = visibleColumns(view);
  const frames: Frame[] = [];
  let [low, high] = [Infinity, -Infinity];
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    const frame = history.at(seq);
    if (frame === undefined) continue;
    frames.push(frame);
    low = Math.min(low, frame.delta);
    high = Math.max(high, frame.delta);
  }
  return { frames, low, high };
}

/** What was bought less what was sold since the start, over time; the scale follows what is in view. */
export function drawDelta(brush: Brush, scene: Scene): void {
  const { layout, view } = scene;
  const { delta: plot, priceAxis } = layout;
  if (heightOf(plot) === 0) return;
  const { context } = brush;
  context.fillStyle = PALETTE.ground;
  context.fillRect(plot.left, plot.top, priceAxis.right - plot.left, heightOf(plot));
  const { frames, low, high } = inView(scene);
  const [top, bottom] = [plot.top + brush.em(PADDING), plot.bottom - brush.em(PADDING)];
  const yAt = (delta: number): number =>
    high > low ? bottom - ((delta - low) / (high - low)) * (bottom - top) : (top + bottom) / 2;
  brush.clipped(plot, () => {
    if (low < 0 && high > 0) brush.horizontal(plot.left, plot.right, yAt(0), PALETTE.axisLine);
    const line = new Path2D();
    let before: Frame | undefined;
    for (const frame of frames) {
      const [x, y] = [xOf(view, frame.seq), yAt(frame.delta)];
      if (before?.seq !== frame.seq - 1) line.moveTo(x, y);
      else if (before.delta !== frame.delta) {
        line.lineTo(x, yAt(before.delta));
        line.lineTo(x, y);
      }
      before = frame;
    }
    if (before !== undefined) line.lineTo(xOf(view, before.seq + 1), yAt(before.delta));
    context.strokeStyle = PALETTE.score;
    context.lineWidth = brush.em(1.3);
    context.stroke(line);
  });
}

/** The axis of the plot, and its name. */
export function drawDeltaAxis(brush: Brush, scene: Scene): void {
  const { delta: plot, priceAxis } = scene.layout;
  if (heightOf(plot) === 0) return;
  const { low, high } = inView(scene);
  const [top, bottom] = [plot.top + brush.em(PADDING), plot.bottom - brush.em(PADDING)];
  const right = priceAxis.right - brush.em(10);
  brush.font(11);
  if (high > low) brush.text(signed(high, 0), right, top, 'right', PALETTE.axisText);
  if (Number.isFinite(low)) brush.text(signed(low, 0), right, bottom, 'right', PALETTE.axisText);
  brush.vertical(priceAxis.left, plot.top, plot.bottom, PALETTE.axisLine);
  brush.horizontal(plot.left, priceAxis.right, plot.top, PALETTE.axisLine);
  brush.font(11, 600);
  brush.name('Volume delta', plot.left + brush.em(12), plot.top + brush.em(12), 'left');
}
