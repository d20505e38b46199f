/** What speaks for a run and against it: figures with their interval, and a sentence each. */
import type { Measures, RunDetail, ThresholdFigures } from '../wire/generated/rest';
import { h } from './dom';
import { interval, percent, short, ticks, whole } from './words';

export const MEANING: Readonly<Record<string, string>> = {
  proven:
    'The 95 % interval of the net pnl in the confirming part lies above 0, and the p-value corrected for everything that was tried on this market is at most 0.05.',
  unproven: 'The figures allow neither word: not that it earns, and not that it loses.',
  refuted: 'The 95 % interval of the net pnl in the confirming part lies below 0: it loses.',
};

/** The verdict with what it means, and why it is not proven. */
export function judged(row: Pick<ThresholdFigures, 'verdict' | 'doubt'>): HTMLElement {
  const { verdict, doubt } = row;
  return h(
    'div',
    { class: 'judged', 'data-verdict': verdict ?? '' },
    h('b', { class: 'verdict', 'data-verdict': verdict ?? '' }, verdict ?? 'not judged'),
    h('p', {}, verdict === null ? 'No p-value of this row is stored.' : (MEANING[verdict] ?? '')),
    doubt !== null && doubt !== '' && h('p', {}, `Why: ${doubt}.`),
  );
}

/** Name, value with unit, interval, sentence. */
export type Figure = readonly [string, string, string, string];

export function evidenceOf(run: RunDetail, row: ThresholdFigures): Figure[] {
  const { confirm } = row;
  const model = typeof run.eval.fill_model === 'string' ? run.eval.fill_model : 'cross';
  const [net, trades] =
    model === 'mid'
      ? [confirm.mean_pnl_ticks, confirm.n_signals]
      : model === 'queue'
        ? [confirm.queue_net_pnl_ticks, confirm.queue_filled ?? 0]
        : [confirm.net_pnl_ticks, confirm.n_signals];
  return [
    [
      'Net pnl, confirming part',
      `${ticks(net)} ticks a trade`,
      interval(row.confirmed_low, row.confirmed_high, ticks),
      `Mean of ${whole(trades)} trades under the fill model ${model}; the interval is corrected for ${whole(row.n_looks)} looks at confirming parts of this market.`,
    ],
    [
      'Corrected p',
      short(row.p_corrected),
      row.p_error === null ? '' : `Monte Carlo error ${short(row.p_error)}`,
      `How often the best of all ${whole(row.n_trials)} trials in the ledger of this market would look this good if events had nothing to do with prices.`,
    ],
    [
      'Statistic',
      `${short(row.statistic)} deviations`,
      '',
      'Net pnl of the choosing part, in standard deviations of what the same events give at shifted times.',
    ],
    [
      'Deflated Sharpe',
      short(row.deflated_sharpe),
      '',
      'Probability that the Sharpe ratio of its trades is above what the best of so many trials shows without skill.',
    ],
    [
      'Overfitting',
      short(row.overfitting),
      '',
      "Share of the ways to halve the choosing part in which the best row of one half is below the other's median.",
    ],
    [
      'Ledger',
      `${whole(row.n_trials)} trials, ${whole(row.n_looks)} looks`,
      row.n_retired === null || row.n_retired === 0 ? '' : `${whole(row.n_retired)} runs retired`,
      'All distinct rows that were tried on this market, whoever ran them; the best of many is lucky, so both counts go into the evidence.',
    ],
  ];
}

type Both = readonly [string, (part: Measures) => string, string];

export function bothParts(row: ThresholdFigures): Both[] {
  const with95 = (value: string, range: string): string =>
    range === '' ? value : `${value} ${range}`;
  return [
    ['Trades', (part) => whole(part.n_signals), 'Events that opened a position.'],
    ['Trades an hour', (part) => short(part.events_per_hour), 'How often it trades.'],
    [
      'Target rate',
      (part) =>
        with95(percent(part.tp_rate), interval(part.tp_rate_low, part.tp_rate_high, percent)),
      `Share of trades that reach the target, at the mid, with Wilson's interval; ${percent(row.choose.breakeven_tp_rate)} is breakeven.`,
    ],
    [
      'Mean pnl, ticks',
      (part) =>
        with95(
          ticks(part.mean_pnl_ticks),
          interval(part.mean_pnl_ticks_low, part.mean_pnl_ticks_high, ticks),
        ),
      'A trade at the mid, which nobody gets; the interval is of a block bootstrap.',
    ],
    [
      'Net pnl, ticks',
      (part) =>
        with95(
          ticks(part.net_pnl_ticks),
          interval(part.net_pnl_ticks_low, part.net_pnl_ticks_high, ticks),
        ),
      'A trade that crosses the spread, after costs; the interval is of a block bootstrap.',
    ],
    [
      'Profit factor',
      (part) => short(part.profit_factor),
      'What winners earn over what losers lose, net.',
    ],
    [
      'Time to outcome, s',
      (part) =>
        short(
          part.median_time_to_outcome_ms === null ? null : part.median_time_to_outcome_ms / 1000,
        ),
      'Median time from the event to target, stop or timeout.',
    ],
  ];
}
