import { count, fixed, signed } from '../state/format';
import { xOf, yOf } from '../state/viewport';
import type { Brush } from './brush';
import { PALETTE } from './palette';
import type { Scene } from './scene';

/** The measured part of the map, and what lies in it. */
export function drawMeasured(brush: Brush, { view, measured, layout, time }: Scene): void {
  if (measured === null) return;
  const { context } = brush;
  const { area, ticks } = measured;
  const [left, right] = [xOf(view, area.from), xOf(view, area.to + 1)];
  const [top, bottom] = [yOf(view, area.high + 0.5), yOf(view, area.low - 0.5)];
  brush.clipped(layout.heat, () => {
    context.strokeStyle = PALETTE.halo;
    context.lineWidth = brush.em(3);
    context.strokeRect(left, top, right - left, bottom - top);
    context.strokeStyle = PALETTE.text;
    context.lineWidth = brush.em(1.2);
    context.strokeRect(left, top, right - left, bottom - top);
  });
  const seconds = (area.bins * time.binMs) / 1000;
  const text = [
    `${signed(ticks, 0)} ticks`,
    `${fixed(seconds, 1)} s`,
    `${count(area.buy + area.sell)} lots: ${count(area.buy)} bought, ${count(area.sell)} sold`,
  ].join(' · ');
  brush.font(12, 600);
  const width = context.measureText(text).width + brush.em(16);
  const height = brush.em(22);
  const { heat } = layout;
  const x = Math.min(Math.max(left, heat.left), Math.max(heat.right - width, heat.left));
  const above = top - height - brush.em(6);
  const y = above >= heat.top ? above : Math.min(bottom + brush.em(6), heat.bottom - height);
  const box = { left: x, right: x + width, top: y, bottom: y + height };
  brush.tag(text, box, { fill: PALETTE.text, text: PALETTE.ground });
}
