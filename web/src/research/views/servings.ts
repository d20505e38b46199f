/** What is served under which name, what was, and what two servings differ in. */
import type {
  Promoted,
  PublishedRow,
  ServingDetail,
  ServingEntry,
  ServingEvent,
} from '../../wire/generated/rest';
import { ask } from '../api';
import { demandForm, permission, send } from '../change';
import { h } from '../dom';
import { addressOf, changed, type Place } from '../place';
import { sideBySide } from '../sides';
import { tableOf, type Column } from '../table';
import { anything, minute, plain } from '../words';

function servingPath(name: string, what: 'detail' | 'history' | 'rollback'): string {
  return `/v1/servings/${encodeURIComponent(name)}/${what}`;
}

function aliasColumns(place: Place): Column<ServingEntry>[] {
  return [
    {
      label: 'Alias',
      title: 'The name under which it is served',
      cell: (row) => h('a', { href: changed(place, { alias: row.alias }) }, row.alias),
    },
    { label: 'Serves', title: 'The published serving', cell: (row) => row.serving_id },
    { label: 'Since', title: 'UTC', cell: (row) => minute(row.updated) },
    {
      label: 'Map',
      title: 'Its live map',
      cell: (row) =>
        h(
          'a',
          { href: `./vacuum-pressure.html?serving=${encodeURIComponent(row.alias)}` },
          `Map of ${row.alias}`,
        ),
    },
  ];
}

function publishedColumns(): Column<PublishedRow>[] {
  return [
    { label: 'Serving', title: 'The published serving', cell: (row) => row.serving_id },
    { label: 'Experiment', title: 'What it comes from', cell: (row) => row.experiment },
    {
      label: 'Run',
      title: 'The run it was promoted from',
      cell: (row) => h('a', { href: addressOf('run', { run: row.run_id }) }, row.run_id),
    },
    { label: 'Published', title: 'UTC', cell: (row) => minute(row.created) },
    {
      label: 'Served as',
      title: 'Aliases that point to it now',
      cell: (row) => row.aliases.join(', ') || '–',
    },
  ];
}

const EVENTS: readonly Column<ServingEvent>[] = [
  { label: 'Time', title: 'UTC', cell: (row) => minute(row.time) },
  { label: 'What', title: 'Promotion, move or rollback', cell: (row) => row.kind },
  { label: 'From', title: 'What it served before', cell: (row) => row.from_id ?? '–' },
  { label: 'To', title: 'What it served then', cell: (row) => row.to_id },
  { label: 'Who', title: 'Who did it', cell: (row) => row.actor },
  { label: 'Why', title: 'The reason', cell: (row) => row.reason || '–' },
];

/** The serving that the last rollback of a trail would lead to; null where there is none. */
export function earlier(events: readonly ServingEvent[]): string | null {
  const targets: string[] = [];
  for (const event of events) {
    if (event.kind === 'rollback') targets.pop();
    else targets.push(event.to_id);
  }
  return targets.at(-2) ?? null;
}

async function history(
  alias: string,
  signal: AbortSignal,
  again: () => void,
): Promise<HTMLElement> {
  const [{ history: events }, may] = await Promise.all([
    ask('ServingHistory', servingPath(alias, 'history'), {}, signal),
    permission(signal),
  ]);
  const [now, before] = [events.at(-1)?.to_id ?? null, earlier(events)];
  const section = h(
    'section',
    { id: 'history' },
    h('h2', {}, `History of ${alias}`),
    tableOf(`Changes of ${alias}, newest first`, EVENTS, events.toReversed()),
  );
  if (now === null || before === null) {
    section.append(h('p', { class: 'said' }, 'There is nothing earlier to go back to.'));
    return section;
  }
  section.append(
    h(
      'p',
      {},
      h(
        'a',
        { href: addressOf('servings', { alias, left: before, right: now }) },
        'What the rollback would change',
      ),
    ),
  );
  section.append(
    may.allowed
      ? demandForm({
          words: `Roll back to ${before}`,
          fields: [],
          act: async (_, reason) => {
            const made = await send<Promoted>(servingPath(alias, 'rollback'), {
              reason,
              expected: now,
            });
            return `${made.alias} serves ${made.serving_id} again.`;
          },
          done: again,
        })
      : h('p', { class: 'said' }, `This page cannot roll it back: ${may.reason}.`),
  );
  return section;
}

function chooseServing(
  words: string,
  name: 'left' | 'right',
  place: Place,
  published: readonly PublishedRow[],
  go: (address: string) => void,
): HTMLElement {
  const select = h(
    'select',
    { id: `serving-${name}`, name },
    h('option', { value: '' }, 'choose a serving'),
    ...published.map((row) =>
      h(
        'option',
        { value: row.serving_id },
        row.aliases.length === 0 ? row.serving_id : `${row.serving_id} (${row.aliases.join(', ')})`,
      ),
    ),
  );
  select.value = place.query[name] ?? '';
  select.addEventListener('change', () => {
    go(changed(place, { [name]: select.value }));
  });
  return h('label', {}, words, select);
}

/** What a serving rests on, by name. */
function about(serving: ServingDetail): Record<string, unknown> {
  const { threshold, ...source } = serving.source;
  return {
    ...source,
    threshold: typeof threshold === 'number' ? plain(threshold) : anything(threshold),
    verdict: serving.evidence.verdict ?? null,
    versions: serving.versions,
    digests: serving.digests,
  };
}

async function sides(left: string, right: string, signal: AbortSignal): Promise<HTMLElement[]> {
  const [a, b] = await Promise.all(
    [left, right].map((id) => ask('ServingDetail', servingPath(id, 'detail'), {}, signal)),
  );
  if (a === undefined || b === undefined) return [];
  const names = [a.serving_id, b.serving_id] as const;
  return [
    sideBySide('Configuration', names, a.config, b.config),
    sideBySide('What they come from', names, about(a), about(b)),
    sideBySide('Raw files', names, a.sources, b.sources),
  ];
}

export async function showServings(
  place: Place,
  signal: AbortSignal,
  go: (address: string) => void,
): Promise<Node[]> {
  const { alias, left, right } = place.query;
  const [{ servings }, { published }] = await Promise.all([
    // Before the first promotion there is no registry, and that is no failure here.
    ask('ServingList', '/v1/servings', {}, signal).catch(() => ({
      servings: [] as ServingEntry[],
    })),
    ask('PublishedList', '/v1/servings/published', {}, signal),
  ]);
  const again = (): void => {
    go(changed(place, {}));
  };
  return [
    h('h2', {}, 'Servings'),
    servings.length === 0
      ? h('p', { role: 'status' }, 'Nothing is served yet: promote a run.')
      : tableOf('What is served now', aliasColumns(place), servings),
    ...(alias === undefined ? [] : [await history(alias, signal, again)]),
    ...(published.length === 0
      ? []
      : [h('section', {}, tableOf('Every published serving', publishedColumns(), published))]),
    ...(published.length < 2
      ? []
      : [
          h(
            'form',
            { class: 'filters', 'aria-label': 'Two servings side by side' },
            chooseServing('First', 'left', place, published, go),
            chooseServing('Second', 'right', place, published, go),
          ),
        ]),
    ...(left === undefined || right === undefined ? [] : await sides(left, right, signal)),
  ];
}
