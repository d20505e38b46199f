import { heightOf, type Rect } from '../state/layout';
import { visibleColumns, xOf } from '../state/viewport';
import { signed } from '../state/format';
import { promotedOf } from '../state/signal';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

const PADDING = 8;
/** Height of the ribbon, CSS px. */
const RIBBON = 5;
const AREA_ALPHA = 0.26;

/** The promoted signal over time, on the time axis of the heatmap. */
export function drawSignal(brush: Brush, scene: Scene): void {
  const { layout } = scene;
  const { signal } = layout;
  const plot = inner(brush, signal);
  const yAt = heightsOf(plot);
  brush.context.fillStyle = PALETTE.ground;
  brush.context.fillRect(signal.left, signal.top, signal.right - signal.left, heightOf(signal));
  brush.clipped(signal, () => {
    shadeInvalid(brush, scene);
    for (const score of [1, 0.5, -0.5, -1]) {
      brush.horizontal(signal.left, signal.right, yAt(score), PALETTE.gridline);
    }
    brush.horizontal(signal.left, signal.right, yAt(0), PALETTE.axisLine);
    drawThreshold(brush, scene, yAt);
    drawScores(brush, scene, plot, yAt);
  });
  const { left, right, top } = signal;
  drawRibbon(brush, scene, { left, right, top, bottom: top + brush.em(RIBBON) });
}

/** Where the ribbon of states lies on the map. */
export function mapFoot(brush: Brush, { layout }: Scene): Rect {
  const { left, right, bottom } = layout.heat;
  return { left, right, top: bottom - brush.em(RIBBON), bottom };
}

/** The part of the plot that scores lie in. */
function inner(brush: Brush, signal: Rect): Rect {
  const padding = brush.px(PADDING);
  return { ...signal, top: signal.top + padding, bottom: signal.bottom - padding };
}

function heightsOf(plot: Rect): (score: number) => number {
  return (score) => plot.top + ((1 - score) / 2) * heightOf(plot);
}

/** The levels at which the signal is bullish or bearish. */
function drawThreshold(
  brush: Brush,
  { newest, layout }: Scene,
  yAt: (score: number) => number,
): void {
  const signal = newest?.update.signal;
  if (signal === undefined) return;
  const { threshold, probability } = promotedOf(signal);
  if (threshold === null) return;
  const level = probability ? 2 * threshold - 1 : threshold;
  const { left, right } = layout.signal;
  brush.horizontal(left, right, yAt(level), PALETTE.bull);
  brush.horizontal(left, right, yAt(-level), PALETTE.bear);
}

/** The signal's state of each bin, as a ribbon. */
export function drawRibbon(brush: Brush, scene: Scene, ribbon: Rect): void {
  const stateAt = (seq: number): number => scene.history.at(seq)?.update.signal.state ?? 0;
  brush.clipped(ribbon, () => {
    forStretches(scene, stateAt, (left, width, state) => {
      if (state === 0) return;
      brush.context.fillStyle = state > 0 ? PALETTE.bull : PALETTE.bear;
      brush.context.fillRect(left, ribbon.top, width, heightOf(ribbon));
    });
  });
}

/** Calls `draw` for each stretch of bins in view of which `valueOf` is the same. */
function forStretches<T>(
  { history, view }: Scene,
  valueOf: (seq: number) => T,
  draw: (left: number, width: number, value: T) => void,
): void {
  const { from, to } = visibleColumns(view);
  const last = Math.min(to, history.head);
  let first = Math.max(from, history.tail);
  let value = valueOf(first);
  for (let seq = first + 1; seq <= last + 1; seq += 1) {
    const next = seq > last ? undefined : valueOf(seq);
    if (next === value && next !== undefined) continue;
    draw(xOf(view, first), (seq - first) * view.columnPx, value);
    first = seq;
    if (next !== undefined) value = next;
  }
}

/** The scores in view as lines, a line for each stretch without a gap in which all are ready or none is. */
function drawScores(
  brush: Brush,
  { history, view }: Scene,
  plot: Rect,
  yAt: (score: number) => number,
): void {
  const { from, to } = visibleColumns(view);
  const last = Math.min(to, history.head);
  let line: Path2D | null = null;
  let ready = false;
  let start = 0;
  let y = 0;
  const end = (seq: number): void => {
    if (line === null) return;
    const x = xOf(view, seq);
    line.lineTo(x, y);
    drawRun(brush, { line, ready, from: start, to: x }, plot, yAt(0));
    line = null;
  };
  for (let seq = Math.max(from, history.tail); seq <= last; seq += 1) {
    const frame = history.at(seq);
    if (frame === undefined) {
      end(seq);
      continue;
    }
    const x = xOf(view, seq);
    y = yAt(frame.lean);
    const same = line !== null && ready === frame.update.signal.ready;
    if (!same) {
      end(seq);
      line = new Path2D();
      line.moveTo(x, y);
      start = x;
      ready = frame.update.signal.ready;
    } else line?.lineTo(x, y);
  }
  end(last + 1);
}

/** Scores as one line, from `from` to `to` on the time axis, device px. */
interface Run {
  line: Path2D;
  ready: boolean;
  from: number;
  to: number;
}

function drawRun(brush: Brush, run: Run, plot: Rect, zero: number): void {
  const { context } = brush;
  if (run.ready) {
    const area = new Path2D(run.line);
    area.lineTo(run.to, zero);
    area.lineTo(run.from, zero);
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
  context.stroke(run.line);
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

function shadeInvalid(brush: Brush, scene: Scene): void {
  const { history, layout } = scene;
  const { signal } = layout;
  const { context } = brush;
  const invalid = (seq: number): boolean => history.at(seq)?.valid === false;
  context.save();
  context.globalAlpha = 0.1;
  context.fillStyle = PALETTE.invalid;
  forStretches(scene, invalid, (left, width, shaded) => {
    if (shaded) context.fillRect(left, signal.top, width, heightOf(signal));
  });
  context.restore();
}

/** The axis of the plot, and its name. */
export function drawSignalAxis(brush: Brush, { layout }: Scene): void {
  const { signalAxis, signal } = layout;
  const yAt = heightsOf(inner(brush, signal));
  brush.font(11);
  for (const score of [1, 0, -1]) {
    const x = signalAxis.right - brush.em(10);
    brush.text(score === 0 ? '0' : signed(score, 0), x, yAt(score), 'right', PALETTE.axisText);
  }
  brush.vertical(signalAxis.left, signal.top, signal.bottom, PALETTE.axisLine);
  brush.horizontal(signal.left, signalAxis.right, signal.top, PALETTE.axisLine);
  brush.font(11, 600);
  const label = signal.left + brush.em(12);
  brush.name('Signal', label, signal.top + brush.em(16), 'left');
}
