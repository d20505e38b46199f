/** A run on several days, day by day. */
import type { DayFigures, RunDetail, ThresholdFigures } from '../wire/generated/rest';
import { h } from './dom';
import { addressOf } from './place';
import { tableOf, type Column } from './table';
import { percent, ticks, whole } from './words';

/** The day of a run, or its first and last day. */
export function daysOf({ date, days }: RunDetail): string {
  const [first, last] = [days[0]?.date ?? date, days.at(-1)?.date ?? date];
  return first === last ? date : `${first} to ${last}`;
}

/** What each of several days gave at a threshold, and which days are left out; nothing of a run on one day. */
export function dayByDay(run: RunDetail, { threshold }: ThresholdFigures): Node[] {
  if (run.days.length === 0 && run.left_out.length === 0) return [];
  const columns: Column<DayFigures>[] = [
    {
      label: 'Day',
      title: 'The day; leads to its dataset',
      cell: (day) => h('a', { href: addressOf('datasets', { dataset: day.dataset_id }) }, day.date),
    },
    {
      label: 'Part',
      title: 'Whether the day chooses or confirms',
      cell: ({ part }) => (part === 'choose' ? 'choosing' : 'confirming'),
    },
    {
      label: 'Trades',
      title: 'Trades of the day',
      number: true,
      cell: ({ figures }) => whole(figures.n_signals),
    },
    {
      label: 'Target rate',
      title: 'Share of the trades that reach the target',
      number: true,
      cell: ({ figures }) => percent(figures.tp_rate),
    },
    {
      label: 'Net, ticks',
      title: 'Mean net pnl of a trade of the day, ticks',
      number: true,
      cell: ({ figures }) => ticks(figures.net_pnl_ticks),
    },
    {
      label: '95 % interval',
      title: 'Of the mean net pnl of the day, from a bootstrap of its trades, ticks',
      number: true,
      cell: ({ figures }) =>
        figures.net_pnl_ticks_low === null
          ? '–'
          : `${ticks(figures.net_pnl_ticks_low)} to ${ticks(figures.net_pnl_ticks_high)}`,
    },
  ];
  const days = run.days.filter((day) => day.threshold === threshold);
  const section = h(
    'section',
    { id: 'days' },
    tableOf('Day by day', columns, days),
    ...run.left_out.map(({ date, reason }) =>
      h('p', { class: 'said' }, `${date} is left out: ${reason}.`),
    ),
  );
  return [section];
}
