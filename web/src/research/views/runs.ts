/** The runs: filters, order and pages, all of them in the address. */
import type { RunList, RunRow } from '../../wire/generated/rest';
import { ask } from '../api';
import { h } from '../dom';
import { addressOf, changed, numberOf, parsePlace, type Place } from '../place';
import { pagerOf, tableOf, type Column } from '../table';
import { interval, minute, params, percent, plain, short, ticks, whole } from '../words';

const PAGE = 50;
const FEWEST_SIGNALS = 5;
const BEST = 'statistic';

/** The word of a verdict, with why it is not proven. */
export function verdictOf(row: Pick<RunRow, 'verdict' | 'doubt'>): HTMLElement {
  return h(
    'span',
    { class: 'verdict', 'data-verdict': row.verdict ?? '', title: row.doubt },
    row.verdict ?? 'not judged',
  );
}

function columns(place: Place): Column<RunRow>[] {
  const picked = picks(place);
  return [
    {
      label: 'Compare',
      title: 'Pick two runs to see side by side',
      cell: (row) => pick(row, picked),
    },
    {
      label: 'Signal',
      sort: 'signal',
      title: 'The signal and its parameters',
      cell: (row) =>
        h(
          'span',
          {},
          h('a', { href: runAddress(row.run_id, row.threshold) }, row.signal),
          h('span', { class: 'params', title: params(row.params) }, params(row.params)),
        ),
    },
    {
      label: 'Threshold',
      sort: 'threshold',
      number: true,
      title: 'The threshold of the signal that stands for the run: its best on the choosing part',
      cell: (row) => plain(row.threshold),
    },
    { label: 'Verdict', sort: 'verdict', title: 'Whether it is proven', cell: verdictOf },
    {
      label: 'Corrected p',
      sort: 'p_corrected',
      number: true,
      title: 'How often the best of all trials on this market would look this good by luck',
      cell: (row) => short(row.p_corrected),
    },
    {
      label: 'Statistic',
      sort: 'statistic',
      number: true,
      title: 'Net pnl of the choosing part in standard deviations of what shifted events give',
      cell: (row) => short(row.statistic),
    },
    {
      label: 'Net, chosen',
      sort: 'net_pnl_ticks',
      number: true,
      title: 'Mean net pnl of a trade in the choosing part, ticks',
      cell: (row) => ticks(row.choose.net_pnl_ticks),
    },
    {
      label: 'Net, confirmed',
      sort: 'confirm_net_pnl_ticks',
      number: true,
      title:
        'Mean net pnl of a trade in the confirming part, ticks, and its corrected 95 % interval',
      cell: (row) =>
        h(
          'span',
          {},
          ticks(row.confirm.net_pnl_ticks),
          h('br'),
          h('span', { class: 'caption' }, interval(row.confirmed_low, row.confirmed_high, ticks)),
        ),
    },
    {
      label: 'Target rate',
      sort: 'tp_rate',
      number: true,
      title: 'Share of trades of the choosing part that reach the target, at the mid',
      cell: (row) => percent(row.choose.tp_rate),
    },
    {
      label: 'Signals',
      sort: 'n_signals',
      number: true,
      title: 'Trades of the choosing and of the confirming part',
      cell: (row) => `${whole(row.choose.n_signals)} + ${whole(row.confirm.n_signals)}`,
    },
    {
      label: 'An hour',
      sort: 'events_per_hour',
      number: true,
      title: 'Trades an hour in the choosing part',
      cell: (row) => short(row.choose.events_per_hour),
    },
    {
      label: 'Day',
      sort: 'date',
      title: 'New York date of the capture',
      cell: (row) => h('span', { class: 'date' }, row.date),
    },
    {
      label: 'Served as',
      sort: 'alias',
      title: 'The alias that serves it, and the way to its map',
      cell: (row) =>
        row.page_url === null || row.alias === null
          ? '–'
          : h('a', { href: row.page_url }, row.alias),
    },
    {
      label: 'Experiment',
      sort: 'experiment',
      title: 'The experiment',
      cell: (row) => row.experiment,
    },
    { label: 'Dataset', sort: 'dataset_id', title: 'The dataset', cell: (row) => row.dataset_id },
    {
      label: 'Stored',
      sort: 'created_utc',
      title: 'When the run was stored, UTC',
      cell: (row) => minute(row.created_utc),
    },
  ];
}

/** The address of a run at a threshold. */
export function runAddress(runId: string, threshold: number): string {
  return addressOf('run', { run: runId, threshold: String(threshold) });
}

function picks(place: Place): string[] {
  return (place.query.pick ?? '').split(',').filter((id) => id !== '');
}

function pick(row: RunRow, picked: readonly string[]): HTMLElement {
  const box = h('input', {
    type: 'checkbox',
    name: 'pick',
    id: `pick-${row.run_id}`,
    value: row.run_id,
    'aria-label': `Compare ${row.signal} at ${plain(row.threshold)}, run ${row.run_id}`,
  });
  box.checked = picked.includes(row.run_id);
  return box;
}

/** A choice of one of some values, or of all. */
function choice(
  name: string,
  words: string,
  values: readonly string[],
  chosen: string,
): HTMLElement {
  const select = h(
    'select',
    { name, id: `filter-${name}` },
    h('option', { value: '' }, 'all'),
    ...values.map((value) => h('option', { value }, value)),
  );
  select.value = chosen;
  return h('label', {}, words, select);
}

function filters(place: Place, { choices }: RunList, go: (address: string) => void): HTMLElement {
  const { query } = place;
  const fewest = h('input', {
    type: 'number',
    name: 'min_signals',
    id: 'filter-min_signals',
    min: '0',
    step: '1',
    value: String(numberOf(place, 'min_signals', FEWEST_SIGNALS)),
  });
  const form = h(
    'form',
    { class: 'filters', 'aria-label': 'Filters' },
    choice('experiment', 'Experiment', choices.experiment, query.experiment ?? ''),
    choice('dataset_id', 'Dataset', choices.dataset_id, query.dataset_id ?? ''),
    choice('date', 'Day', choices.date, query.date ?? ''),
    choice('signal', 'Signal', choices.signal, query.signal ?? ''),
    choice('verdict', 'Verdict', ['proven', 'unproven', 'refuted'], query.verdict ?? ''),
    h('label', {}, 'Fewest signals', fewest),
    Object.keys(query).length > 0 && h('a', { href: addressOf('runs') }, 'All runs'),
  );
  form.addEventListener('change', () => {
    const given = Object.fromEntries(
      [...new FormData(form)].map(([name, value]) => [
        name,
        typeof value === 'string' ? value : '',
      ]),
    );
    go(changed(place, { ...given, first: null }));
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
  });
  return form;
}

export async function showRuns(
  place: Place,
  signal: AbortSignal,
  go: (address: string) => void,
): Promise<Node[]> {
  const { query } = place;
  const first = numberOf(place, 'first', 0);
  const by = query.sort ?? BEST;
  const order =
    query.order === 'ascending' || query.order === 'descending' ? query.order : 'descending';
  const found = await ask(
    'RunList',
    '/v1/experiments/runs',
    {
      ...Object.fromEntries(
        ['experiment', 'dataset_id', 'date', 'signal', 'verdict'].map((name) => [
          name,
          query[name],
        ]),
      ),
      min_signals: numberOf(place, 'min_signals', FEWEST_SIGNALS),
      sort: by,
      order,
      first,
      top_n: PAGE,
    },
    signal,
  );
  const table = tableOf(
    'Runs at their best threshold of the choosing part',
    columns(place),
    found.runs,
    {
      by,
      order,
      address: (sort, turned) => changed(place, { sort, order: turned, first: null }),
    },
  );
  table.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    // The address, not what is shown: a second pick may come before the first one is.
    const now = parsePlace(location.search);
    const others = picks(now).filter((id) => id !== target.value);
    const picked = [...others, ...(target.checked ? [target.value] : [])].slice(-2);
    go(changed(now, { pick: picked.join(',') }));
  });
  const [a, b] = picks(place);
  return [
    h('h2', {}, 'Runs'),
    h(
      'p',
      { class: 'said' },
      'A run is a signal with its parameters on a dataset. It was chosen on one part of the time and confirmed on another that nobody had looked at.',
    ),
    filters(place, found, go),
    ...(found.total === 0 ? [h('p', { role: 'status' }, nothing(found))] : [table]),
    pagerOf(first, found.runs.length, found.total, PAGE, (to) =>
      changed(place, { first: to === 0 ? null : String(to) }),
    ),
    ...(a !== undefined && b !== undefined
      ? [
          h(
            'p',
            {},
            h(
              'a',
              { href: addressOf('compare', { run: a, with: b }) },
              'Compare the two picked runs',
            ),
          ),
        ]
      : []),
  ];
}

function nothing({ choices }: RunList): string {
  return choices.signal.length === 0
    ? 'No experiment was run yet.'
    : 'No run matches: take a filter away, or ask for fewer signals.';
}
