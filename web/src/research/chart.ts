/** Lines and intervals as SVG. It places what it is given, and computes no figure. */
import { significant } from '../state/format';
import { h, svg } from './dom';
import { extentOf, roundTicks } from './scale';

export interface Point {
  x: number;
  y: number | null;
  low?: number | null;
  high?: number | null;
}

export interface Series {
  name: string;
  points: readonly Point[];
  /** A line, a line of steps, or a dot with its interval each. */
  as: 'line' | 'steps' | 'dots';
}

export interface Chart {
  heading: string;
  /** What to see in it, in one sentence or two. */
  sentence: string;
  xLabel: string;
  yLabel: string;
  /** Places on the x axis that have words. */
  xTicks: readonly (readonly [number, string])[];
  xLimits: readonly [number, number];
  series: readonly Series[];
  /** A stretch of x that belongs to no part. */
  shade?: readonly [number, number, string];
}

const [WIDTH, HEIGHT] = [640, 270];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 12, 30, 44];
/** Dots of several series at one place stand so far apart, px. */
const APART = 12;

export function figureOf(chart: Chart): HTMLElement {
  const known = chart.series.flatMap(({ points }) =>
    points.flatMap(({ y, low, high }) => [y, low, high]),
  );
  const ticks = roundTicks(...extentOf(known));
  const [from, to] = chart.xLimits;
  const x = (value: number): number =>
    LEFT + ((value - from) / (to - from || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number =>
    TOP + ((ticks.high - value) / (ticks.high - ticks.low)) * (HEIGHT - TOP - BOTTOM);
  const floor = HEIGHT - BOTTOM;
  const picture = svg(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': `${chart.heading}. ${chart.sentence}`,
    },
    ...shadeOf(chart, x, floor),
    ...ticks.at.flatMap((value) => [
      svg('line', {
        class: value === 0 ? 'axis' : 'rule',
        x1: LEFT,
        x2: WIDTH - RIGHT,
        y1: y(value),
        y2: y(value),
      }),
      svg('text', { x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }, minus(value)),
    ]),
    ...chart.xTicks.map(([value, words]) =>
      svg('text', { x: x(value), y: floor + 17, 'text-anchor': 'middle' }, words),
    ),
    svg(
      'text',
      { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, 'text-anchor': 'middle' },
      chart.xLabel,
    ),
    svg('text', { x: 4, y: 12 }, chart.yLabel),
    ...chart.series.flatMap((series, i) => drawn(series, i, chart.series.length, x, y)),
    ...legend(chart.series),
  );
  return h('figure', {}, h('h3', {}, chart.heading), picture, h('figcaption', {}, chart.sentence));
}

function minus(value: number): string {
  return significant(value, 3)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

function shadeOf({ shade }: Chart, x: (value: number) => number, floor: number): SVGElement[] {
  if (shade === undefined) return [];
  const [from, to, words] = shade;
  return [
    svg('rect', {
      class: 'shade',
      x: x(from),
      y: TOP,
      width: Math.max(x(to) - x(from), 1),
      height: floor - TOP,
    }),
    svg('text', { x: (x(from) + x(to)) / 2, y: TOP + 12, 'text-anchor': 'middle' }, words),
  ];
}

function drawn(
  { points, as }: Series,
  place: number,
  many: number,
  x: (value: number) => number,
  y: (value: number) => number,
): SVGElement[] {
  const kind = `series-${place % 3}`;
  const there = points.filter((point): point is Point & { y: number } => point.y !== null);
  if (as === 'dots') {
    const aside = (place - (many - 1) / 2) * APART;
    return there.flatMap((point) => {
      const at = x(point.x) + aside;
      const { low, high } = point;
      return [
        ...(low !== null && low !== undefined && high !== null && high !== undefined
          ? [svg('line', { class: `whisker ${kind}`, x1: at, x2: at, y1: y(low), y2: y(high) })]
          : []),
        svg('circle', { class: `dot ${kind}`, cx: at, cy: y(point.y), r: 3.5 }),
      ];
    });
  }
  const band = there.filter(({ low, high }) => typeof low === 'number' && typeof high === 'number');
  const edge = [
    ...band.map(({ x: at, high }) => `${x(at)},${y(high ?? 0)}`),
    ...band.toReversed().map(({ x: at, low }) => `${x(at)},${y(low ?? 0)}`),
  ];
  const path = there
    .map((point, i) => {
      const [px, py] = [x(point.x).toFixed(1), y(point.y).toFixed(1)];
      if (i === 0) return `M${px} ${py}`;
      return as === 'steps' ? `H${px}V${py}` : `L${px} ${py}`;
    })
    .join('');
  return [
    ...(edge.length > 0 ? [svg('polygon', { class: `band ${kind}`, points: edge.join(' ') })] : []),
    ...(path === '' ? [] : [svg('path', { class: `line ${kind}`, d: path })]),
    ...(as === 'line'
      ? there.map((point) =>
          svg('circle', { class: `dot ${kind}`, cx: x(point.x), cy: y(point.y), r: 2.5 }),
        )
      : []),
  ];
}

/** The names of the series, in their colours, right of the label of the y axis. */
function legend(series: readonly Series[]): SVGElement[] {
  let right = WIDTH - RIGHT;
  return series
    .map(({ name }, i) => {
      const mark = svg(
        'text',
        { class: `name series-${i % 3}`, x: right, y: 12, 'text-anchor': 'end' },
        `● ${name}`,
      );
      right -= 7 * name.length + 30;
      return mark;
    })
    .toReversed();
}
