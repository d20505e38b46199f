/** The datasets of the lake: what they are made of, whether their numbers hold, and what rests on them. */
import type { DatasetRow } from '../../wire/generated/rest';
import { PREVIEW } from '../../wire/servings';
import { ask } from '../api';
import { flat } from '../difference';
import { h } from '../dom';
import { addressOf, changed, type Place } from '../place';
import { factsOf, tableOf, type Column } from '../table';
import { anything, bytes, minute, whole } from '../words';

/** Which datasets are shown in the order of which column; they all come at once. */
const ORDERS: Readonly<Record<string, (row: DatasetRow) => string | number>> = {
  dataset_id: (row) => row.dataset_id,
  status: (row) => row.status,
  size_bytes: (row) => row.size_bytes,
  bins: (row) => row.bins,
  runs: (row) => row.runs,
  created_utc: (row) => row.created_utc,
};

const COLUMNS: readonly Column<DatasetRow>[] = [
  {
    label: 'Dataset',
    sort: 'dataset_id',
    title: 'Its id',
    cell: (row) =>
      row.status === 'unfinished'
        ? row.dataset_id
        : h('a', { href: addressOf('datasets', { dataset: row.dataset_id }) }, row.dataset_id),
  },
  {
    label: 'State',
    sort: 'status',
    title: 'Whole, unsound (something speaks against its numbers), damaged, or unfinished',
    cell: (row) =>
      h(
        'span',
        { class: 'state', 'data-state': row.status, title: row.problem || null },
        row.status,
      ),
  },
  {
    label: 'Size',
    sort: 'size_bytes',
    number: true,
    title: 'On the disk',
    cell: (row) => bytes(row.size_bytes),
  },
  {
    label: 'Bins',
    sort: 'bins',
    number: true,
    title: 'Bins, empty ones too',
    cell: (row) => whole(row.bins),
  },
  { label: 'Pipeline', title: 'What made it', cell: (row) => row.pipeline },
  { label: 'Raw files', title: 'What it was made of', cell: (row) => row.source },
  {
    label: 'Runs',
    sort: 'runs',
    number: true,
    title: 'Runs that were judged on it',
    cell: (row) =>
      row.runs === 0
        ? '0'
        : h(
            'a',
            { href: addressOf('runs', { dataset_id: row.dataset_id, min_signals: '0' }) },
            whole(row.runs),
          ),
  },
  {
    label: 'Served as',
    title: 'Aliases that serve one of its runs',
    cell: (row) => row.aliases.join(', ') || '–',
  },
  {
    label: 'Made',
    sort: 'created_utc',
    title: 'When it was made, UTC',
    cell: (row) => minute(row.created_utc),
  },
];

export async function showDatasets(place: Place, signal: AbortSignal): Promise<Node[]> {
  const id = place.query.dataset;
  if (id !== undefined) return showDataset(id, signal);
  const { datasets, problems } = await ask('DatasetList', '/v1/datasets', {}, signal);
  const by = place.query.sort ?? 'dataset_id';
  const order = place.query.order === 'descending' ? 'descending' : 'ascending';
  const key = ORDERS[by] ?? ((row: DatasetRow) => row.dataset_id);
  const turn = order === 'descending' ? -1 : 1;
  const sorted = datasets.toSorted(
    (a, b) => turn * (key(a) < key(b) ? -1 : Number(key(a) > key(b))),
  );
  const total = datasets.reduce((sum, row) => sum + row.size_bytes, 0);
  return [
    h('h2', {}, 'Datasets'),
    h(
      'p',
      { class: 'said' },
      `${datasets.length === 1 ? 'One dataset' : `${datasets.length} datasets`} of ${bytes(total)} in all. A dataset never changes: its id names its content.`,
    ),
    ...problems.map((problem) =>
      h('p', { class: 'failure', role: 'alert' }, `${problem}: vp verify lake says why.`),
    ),
    datasets.length === 0
      ? h('p', { role: 'status' }, 'The lake has no dataset yet.')
      : tableOf('Datasets of the lake', COLUMNS, sorted, {
          by,
          order,
          address: (sort, turned) => changed(place, { sort, order: turned }),
        }),
  ];
}

async function showDataset(id: string, signal: AbortSignal): Promise<Node[]> {
  const found = await ask(
    'DatasetDetail',
    `/v1/datasets/${encodeURIComponent(id)}/detail`,
    {},
    signal,
  );
  const facts = (values: Readonly<Record<string, unknown>>): [string, string][] =>
    [...flat(values)].map(([name, value]) => [name.replaceAll('_', ' '), anything(value)]);
  return [
    h('h2', {}, found.dataset_id),
    h('p', { class: 'said' }, `Made ${minute(found.created_utc)} UTC.`),
    h(
      'div',
      { class: 'judged', 'data-verdict': found.sound ? 'proven' : 'refuted' },
      h('b', {}, found.sound ? 'Sound' : 'Unsound'),
      h(
        'p',
        {},
        found.sound
          ? 'The certificate of its replay holds: nothing speaks against its numbers.'
          : `${found.unsound_reasons.join('; ')}.`,
      ),
    ),
    h(
      'p',
      { class: 'links' },
      h(
        'a',
        { href: addressOf('runs', { dataset_id: found.dataset_id, min_signals: '0' }) },
        'Runs on it',
      ),
      h('a', { href: addressOf('datasets') }, 'All datasets'),
      h(
        'a',
        {
          id: 'preview',
          href: `./vacuum-pressure.html?serving=${encodeURIComponent(PREVIEW + found.dataset_id)}`,
        },
        'Preview on the map',
      ),
    ),
    h(
      'section',
      { class: 'figures' },
      h('div', {}, factsOf('Certificate of the replay', facts(found.certificate))),
      h(
        'div',
        {},
        factsOf(
          'Files, with the first digits of their SHA-256',
          Object.entries(found.files).map(([name, size]) => [
            name,
            `${bytes(size)} ${(found.checksums[name] ?? '').slice(0, 16)}`,
          ]),
        ),
        factsOf('Counts', facts(found.counts)),
      ),
      h(
        'div',
        {},
        factsOf('Lineage: raw files', facts(found.sources)),
        factsOf('Lineage: what made it', facts(found.identity)),
        factsOf('Versions', facts(found.versions)),
      ),
    ),
    h(
      'section',
      {},
      h(
        'details',
        {},
        h('summary', {}, 'Whole configuration'),
        factsOf('Configuration', facts(found.config)),
      ),
    ),
  ];
}
