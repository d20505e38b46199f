import type { Rect } from '../state/layout';
import { PALETTE } from './palette';

/** System fonts only; their digits are of equal width. */
const FONT_STACK =
  'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';

/** What every part of the chart is drawn with: a 2D context and sizes in CSS px turned into device px. */
export class Brush {
  constructor(
    readonly context: CanvasRenderingContext2D,
    readonly ratio: number,
    readonly textScale: number,
  ) {}

  /** CSS px in device px. */
  px(css: number): number {
    return css * this.ratio;
  }

  /** As {@link px}, for sizes that go with the text. */
  em(css: number): number {
    return css * this.ratio * this.textScale;
  }

  /** A line width or offset that is a whole, visible count of device px. */
  hair(css = 1): number {
    return Math.max(Math.round(this.em(css)), 1);
  }

  font(cssSize: number, weight = 400): void {
    this.context.font = `${weight} ${this.em(cssSize)}px ${FONT_STACK}`;
  }

  text(text: string, x: number, y: number, align: CanvasTextAlign, colour: string): void {
    const { context } = this;
    context.fillStyle = colour;
    context.textAlign = align;
    context.textBaseline = 'middle';
    context.fillText(text, x, y);
  }

  /** The name of a plot, on a plate of the ground: lines may lie behind it. */
  name(text: string, x: number, y: number, align: 'left' | 'right'): void {
    const { context } = this;
    const width = context.measureText(text).width + this.em(4);
    const left = align === 'left' ? x - this.em(2) : x - width;
    context.fillStyle = PALETTE.ground;
    context.fillRect(left, y - this.em(8), width, this.em(16));
    this.text(text, x, y, align, PALETTE.axisText);
  }

  horizontal(x0: number, x1: number, y: number, colour: string): void {
    this.context.fillStyle = colour;
    this.context.fillRect(x0, Math.round(y), x1 - x0, this.hair());
  }

  vertical(x: number, y0: number, y1: number, colour: string): void {
    this.context.fillStyle = colour;
    this.context.fillRect(Math.round(x), y0, this.hair(), y1 - y0);
  }

  /** A label on an axis: text on a filled box with rounded corners. */
  tag(text: string, box: Rect, colours: { fill: string; text: string }): void {
    const { context } = this;
    context.fillStyle = colours.fill;
    context.beginPath();
    context.roundRect(box.left, box.top, box.right - box.left, box.bottom - box.top, this.px(3));
    context.fill();
    this.text(
      text,
      (box.left + box.right) / 2,
      (box.top + box.bottom) / 2 + this.px(0.5),
      'center',
      colours.text,
    );
  }

  /** Runs `draw` with everything outside the rectangle cut off. */
  clipped(rect: Rect, draw: () => void): void {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(rect.left, rect.top, rect.right - rect.left, rect.bottom - rect.top);
    context.clip();
    draw();
    context.restore();
  }

  /** Strokes a path twice: a dark wide line under a thin bright one, legible on any cell colour. */
  haloed(path: Path2D, colour: string, cssWidth: number): void {
    const { context } = this;
    context.lineJoin = 'miter';
    context.strokeStyle = PALETTE.halo;
    context.lineWidth = this.em(cssWidth + 1.8);
    context.stroke(path);
    context.strokeStyle = colour;
    context.lineWidth = this.em(cssWidth);
    context.stroke(path);
  }
}
