/** Two runs side by side, differences first. */
import type { RunDetail, RunList, ThresholdFigures } from '../../wire/generated/rest';
import { ask } from '../api';
import { h } from '../dom';
import { bothParts, evidenceOf, judged } from '../evidence';
import { changed, type Place } from '../place';
import { sideBySide } from '../sides';
import { params, plain } from '../words';
import { rowOf, runPath } from './run';
import { runAddress } from './runs';

const MOST = 1000;

type Fields = Record<string, string>;

function named(run: RunDetail, row: ThresholdFigures): string {
  return `${run.signal} at ${plain(row.threshold)} (${run.run_id.slice(0, 6)})`;
}

/** The figures of a row in words, by name, one part each. */
function figures(run: RunDetail, row: ThresholdFigures): Fields {
  const found: Fields = { verdict: row.verdict ?? 'not judged' };
  for (const [name, value, range] of evidenceOf(run, row)) found[name] = `${value} ${range}`.trim();
  for (const [name, text] of bothParts(row)) {
    found[`${name}, choosing`] = text(row.choose);
    found[`${name}, confirming`] = text(row.confirm);
  }
  return found;
}

function about(run: RunDetail, row: ThresholdFigures): Fields {
  return {
    experiment: run.experiment,
    dataset: run.dataset_id,
    day: run.date,
    signal: run.signal,
    threshold: plain(row.threshold),
    'choosing bins': `${run.choose_first} to ${run.choose_end}`,
    'confirming bins': `${run.confirm_first} to ${run.confirm_end}`,
    'served as': run.alias ?? '–',
  };
}

/** A choice of the runs there are. */
function choose(
  words: string,
  name: 'run' | 'with',
  place: Place,
  { runs }: RunList,
  go: (address: string) => void,
): HTMLElement {
  const chosen = place.query[name] ?? '';
  const known = runs.some(({ run_id }) => run_id === chosen);
  const select = h(
    'select',
    { id: `compare-${name}`, name },
    ...(known ? [] : [h('option', { value: chosen }, chosen === '' ? 'choose a run' : chosen)]),
    ...runs.map((row) =>
      h(
        'option',
        { value: row.run_id },
        `${row.signal} · ${params(row.params).slice(0, 40)} · ${row.date} · ${row.run_id.slice(0, 6)}`,
      ),
    ),
  );
  select.value = chosen;
  select.addEventListener('change', () => {
    go(
      changed(place, {
        [name]: select.value,
        [name === 'run' ? 'threshold' : 'with_threshold']: null,
      }),
    );
  });
  return h('label', {}, words, select);
}

export async function showCompare(
  place: Place,
  signal: AbortSignal,
  go: (address: string) => void,
): Promise<Node[]> {
  const { run: left, with: right } = place.query;
  const list = await ask(
    'RunList',
    '/v1/experiments/runs',
    { min_signals: 0, sort: 'signal', top_n: MOST },
    signal,
  );
  const head = [
    h('h2', {}, 'Two runs'),
    h(
      'form',
      { class: 'filters', 'aria-label': 'Which runs' },
      choose('First', 'run', place, list, go),
      choose('Second', 'with', place, list, go),
    ),
  ];
  if (left === undefined || right === undefined) {
    return [...head, h('p', { role: 'status' }, 'Choose two runs.')];
  }
  const [a, b] = await Promise.all(
    [left, right].map((id) => ask('RunDetail', `${runPath(id)}/detail`, {}, signal)),
  );
  if (a === undefined || b === undefined) return head;
  const [rowA, rowB] = [rowOf(a, place.query.threshold), rowOf(b, place.query.with_threshold)];
  if (rowA === null || rowB === null) return head;
  const names = [named(a, rowA), named(b, rowB)] as const;
  return [
    ...head,
    h(
      'section',
      { class: 'figures' },
      ...[[a, rowA] as const, [b, rowB] as const].map(([run, row]) =>
        h(
          'div',
          {},
          h('h3', {}, h('a', { href: runAddress(run.run_id, row.threshold) }, named(run, row))),
          judged(row),
        ),
      ),
    ),
    sideBySide(
      'Parameters',
      names,
      { ...about(a, rowA), ...a.params },
      { ...about(b, rowB), ...b.params },
    ),
    sideBySide('Figures', names, figures(a, rowA), figures(b, rowB)),
    sideBySide('Judged by', names, a.eval, b.eval),
    sideBySide('Configuration', names, a.config, b.config),
    sideBySide('Versions', names, a.versions, b.versions),
  ];
}
