import { heightOf, type Rect } from '../state/layout';
import { visibleColumns, xOf } from '../state/viewport';
import { signed } from '../state/format';
import { promotedOf } from '../state/signal';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

/** A stretch of consecutive bins whose scores are drawn in one way. */
interface Run {
  ready: boolean;
  points: { x: number; y: number }[];
}

const PADDING = 8;
/** Height of the ribbon, CSS px. */
const RIBBON = 5;
const AREA_ALPHA = 0.26;

/** The promoted signal over time, on the time axis of the heatmap. */
export function drawSignal(brush: Brush, scene: Scene): void {
  const { layout, view } = scene;
  const { signal } = layout;
  const plot = {
    ...signal,
    top: signal.top + brush.px(PADDING),
    bottom: signal.bottom - brush.px(PADDING),
  };
  const yAt = (score: number): number => plot.top + ((1 - score) / 2) * heightOf(plot);
  brush.context.fillStyle = PALETTE.ground;
  brush.context.fillRect(signal.left, signal.top, signal.right - signal.left, heightOf(signal));
  brush.clipped(signal, () => {
    shadeInvalid(brush, scene);
    for (const score of [1, 0.5, -0.5, -1]) {
      brush.horizontal(signal.left, signal.right, yAt(score), PALETTE.gridline);
    }
    brush.horizontal(signal.left, signal.right, yAt(0), PALETTE.axisLine);
    drawThreshold(brush, scene, yAt);
    for (const run of scoreRuns(scene, yAt)) {
      const end = (run.points.at(-1)?.x ?? 0) + view.columnPx;
      drawRun(brush, run, plot, yAt(0), end);
    }
  });
  drawRibbon(brush, scene);
  drawScale(brush, scene, yAt);
}

/** The levels at which the signal is bullish or bearish. */
function drawThreshold(
  brush: Brush,
  { history, layout }: Scene,
  yAt: (score: number) => number,
): void {
  const signal = history.newest?.update.signal;
  if (signal === undefined) return;
  const { threshold, probability } = promotedOf(signal);
  if (threshold === null) return;
  const level = probability ? 2 * threshold - 1 : threshold;
  const { left, right } = layout.signal;
  brush.horizontal(left, right, yAt(level), PALETTE.bull);
  brush.horizontal(left, right, yAt(-level), PALETTE.bear);
}

/** The signal's state of each bin, as a ribbon along the top of its plot. */
function drawRibbon(brush: Brush, { history, view, layout }: Scene): void {
  const { signal } = layout;
  const height = brush.em(RIBBON);
  const { from, to } = visibleColumns(view);
  brush.clipped(signal, () => {
    for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
      const state = history.at(seq)?.update.signal.state ?? 0;
      if (state === 0) continue;
      brush.context.fillStyle = state > 0 ? PALETTE.bull : PALETTE.bear;
      brush.context.fillRect(xOf(view, seq), signal.top, view.columnPx, height);
    }
  });
}

function scoreRuns({ history, view }: Scene, yAt: (score: number) => number): Run[] {
  const runs: Run[] = [];
  const { from, to } = visibleColumns(view);
  let current = null as Run | null;
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    const signal = history.at(seq)?.update.signal;
    if (signal === undefined) {
      current = null;
      continue;
    }
    const point = { x: xOf(view, seq), y: yAt(promotedOf(signal).lean) };
    if (current?.ready !== signal.ready) {
      current?.points.push(point);
      current = { ready: signal.ready, points: [] };
      runs.push(current);
    }
    current.points.push(point);
  }
  return runs;
}

function drawRun(brush: Brush, run: Run, plot: Rect, zero: number, end: number): void {
  const { context } = brush;
  const [first] = run.points;
  const last = run.points.at(-1);
  if (first === undefined || last === undefined) return;
  const line = new Path2D();
  line.moveTo(first.x, first.y);
  for (const { x, y } of run.points) line.lineTo(x, y);
  line.lineTo(end, last.y);
  if (run.ready) {
    const area = new Path2D(line);
    area.lineTo(end, zero);
    area.lineTo(first.x, zero);
    area.closePath();
    fillHalf(brush, area, { ...plot, bottom: zero }, PALETTE.bull);
    fillHalf(brush, area, { ...plot, top: zero }, PALETTE.bear);
  }
  context.save();
  context.strokeStyle = run.ready ? PALETTE.score : PALETTE.axisText;
  context.lineWidth = brush.em(1.3);
  context.lineJoin = 'round';
  // A score that is not ready yet is no score: dashed and without its area.
  if (!run.ready) context.setLineDash([brush.px(2), brush.px(4)]);
  context.stroke(line);
  context.restore();
}

function fillHalf(brush: Brush, area: Path2D, half: Rect, colour: string): void {
  const { context } = brush;
  brush.clipped(half, () => {
    context.globalAlpha = AREA_ALPHA;
    context.fillStyle = colour;
    context.fill(area);
  });
}

function shadeInvalid(brush: Brush, { history, view, layout }: Scene): void {
  const { signal } = layout;
  const { from, to } = visibleColumns(view);
  brush.context.save();
  brush.context.globalAlpha = 0.1;
  brush.context.fillStyle = PALETTE.invalid;
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    if (history.at(seq)?.valid !== false) continue;
    brush.context.fillRect(xOf(view, seq), signal.top, view.columnPx, heightOf(signal));
  }
  brush.context.restore();
}

function drawScale(brush: Brush, { layout }: Scene, yAt: (score: number) => number): void {
  const { signalAxis, signal } = layout;
  brush.font(11);
  for (const score of [1, 0, -1]) {
    const x = signalAxis.right - brush.em(10);
    brush.text(score === 0 ? '0' : signed(score, 0), x, yAt(score), 'right', PALETTE.axisText);
  }
  brush.vertical(signalAxis.left, signal.top, signal.bottom, PALETTE.axisLine);
  brush.horizontal(signal.left, signalAxis.right, signal.top, PALETTE.axisLine);
  brush.font(11, 600);
  const label = signal.left + brush.em(12);
  brush.text('Signal', label, signal.top + brush.em(14), 'left', PALETTE.axisText);
}
