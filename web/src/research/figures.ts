/** The figures of a run, each with its unit and a sentence. */
import type { Equity, HorizonRow, RunDetail, ThresholdFigures } from '../wire/generated/rest';
import { figureOf, type Point, type Series } from './chart';
import { clock } from './words';

const PARTS = [
  ['choose', 'choosing part'],
  ['confirm', 'confirming part'],
] as const;

/** Fill models in words; one that a newer server has is called by its name. */
const MODELS: Readonly<Record<string, string>> = {
  mid: 'at the mid',
  cross: 'crossing the spread',
  queue: 'passively, by the queue',
};

export function choiceFigure(row: ThresholdFigures): HTMLElement {
  const series: Series[] = PARTS.map(([part, name]) => ({
    name,
    as: 'dots',
    points: [
      {
        x: 0,
        y: row[part].mean_pnl_ticks,
        low: row[part].mean_pnl_ticks_low,
        high: row[part].mean_pnl_ticks_high,
      },
      {
        x: 1,
        y: row[part].net_pnl_ticks,
        low: row[part].net_pnl_ticks_low,
        high: row[part].net_pnl_ticks_high,
      },
    ],
  }));
  series.push({
    name: 'confirming, corrected',
    as: 'dots',
    points: [
      { x: 1, y: row.confirm.net_pnl_ticks, low: row.confirmed_low, high: row.confirmed_high },
    ],
  });
  return figureOf({
    heading: 'Choose against confirm',
    sentence:
      'Mean pnl of a trade in ticks with its 95 % interval. The row was picked on the choosing part, so luck is in that figure; the corrected interval knows all looks at confirming parts.',
    xLabel: '',
    yLabel: 'ticks a trade',
    xTicks: [
      [0, 'at the mid'],
      [1, 'crossing the spread, after costs'],
    ],
    xLimits: [-0.5, 1.5],
    series,
  });
}

/** Horizons are drawn by their logarithm. */
export function horizonFigures(rows: readonly HorizonRow[]): HTMLElement[] {
  const horizons = [...new Set(rows.map(({ horizon_ms }) => horizon_ms))].sort((a, b) => a - b);
  const [first, last] = [horizons[0], horizons.at(-1)];
  if (first === undefined || last === undefined) return [];
  const after = rows[0]?.after.join(', ') ?? '';
  const curve = (name: 'ic' | 'partial_ic', heading: string, sentence: string): HTMLElement =>
    figureOf({
      heading,
      sentence,
      xLabel: 'horizon, seconds',
      yLabel: 'rank correlation',
      xTicks: horizons.map((ms) => [Math.log10(ms), String(ms / 1000)]),
      xLimits: [Math.log10(first) - 0.1, Math.log10(last) + 0.1],
      series: PARTS.map(([part, words]) => ({
        name: words,
        as: 'line',
        points: rows
          .filter((row) => row.part === part)
          .map((row) => ({
            x: Math.log10(row.horizon_ms),
            y: row[name],
            low: row[`${name}_low`],
            high: row[`${name}_high`],
          })),
      })),
    });
  return [
    curve(
      'ic',
      'Information by horizon',
      "Rank IC (no unit, −1 to 1): Spearman's correlation of the signal now and the move of the mid over the horizon, with its 95 % interval. Above 0 the signal points the right way.",
    ),
    curve(
      'partial_ic',
      'What it adds to the baselines',
      `The same after what ${after || 'no baseline'} say has been taken out of both sides. Near 0 the signal says nothing that they do not say already.`,
    ),
  ];
}

export function decileFigure(
  rows: readonly HorizonRow[],
  horizonMs: number | null,
): HTMLElement | null {
  const found = rows.filter(({ horizon_ms }) => horizon_ms === horizonMs);
  if (horizonMs === null || found.length === 0) return null;
  return figureOf({
    heading: `Move of the mid over ${horizonMs / 1000} s, by decile`,
    sentence:
      'Mean move of the mid in ticks after a tenth of the bins, those with the lowest values of the signal first, with its 95 % interval, at the horizon of the greatest rank IC. A signal worth trading rises from left to right.',
    xLabel: 'decile of the signal, 1 lowest',
    yLabel: 'ticks',
    xTicks: Array.from({ length: 10 }, (_, i) => [i + 1, String(i + 1)]),
    xLimits: [0.4, 10.6],
    series: PARTS.flatMap(([part, name]): Series[] => {
      const row = found.find((each) => each.part === part);
      if (row === undefined) return [];
      const points: Point[] = row.decile_ticks.map((y, i) => ({
        x: i + 1,
        y,
        low: row.decile_ticks_low[i] ?? null,
        high: row.decile_ticks_high[i] ?? null,
      }));
      return [{ name, as: 'dots', points }];
    }),
  });
}

export function equityFigure(equity: Equity, { cost }: RunDetail): HTMLElement | null {
  const { start_ns: start, end_ns: end, choose_end_ns: from, confirm_first_ns: to } = equity;
  if (start === null || end === null || from === null || to === null) return null;
  return figureOf({
    heading: 'Equity',
    sentence: `Sum of the pnl of all trades so far, in ticks of one contract: left of the embargo the part that was searched, right of it the part that confirms. Between the lines lies the price of crossing the spread, of latency and of costs (${cost}).`,
    xLabel: 'New York time',
    yLabel: 'ticks, all trades so far',
    xTicks: Array.from({ length: 5 }, (_, i) => {
      const at = start + ((end - start) * (i + 0.5)) / 5;
      return [at, clock(at).slice(0, 8)];
    }),
    xLimits: [start, end],
    shade: [from, to, 'embargo'],
    series: equity.curves.map(({ model, ts_ns, total_ticks }) => ({
      name: MODELS[model] ?? model,
      as: 'steps',
      points: [
        { x: start, y: 0 },
        ...ts_ns.map((x, i) => ({ x, y: total_ticks[i] ?? null })),
        { x: end, y: total_ticks.at(-1) ?? 0 },
      ],
    })),
  });
}
