/** Promotion of the run that is looked at: below its evidence, with a reason, through the gates of the command. */
import type { Promoted, RunDetail, ServingList, ThresholdFigures } from '../wire/generated/rest';
import { ask } from './api';
import { demandForm, permission, send } from './change';
import { h } from './dom';
import { addressOf } from './place';
import { plain } from './words';

/** What `accept` is asked for, if a gate of the command would not let the run through. */
function gates(row: ThresholdFigures, sound: boolean): HTMLElement[] {
  const box = (name: string, words: string): HTMLElement =>
    h('label', { class: 'gate' }, h('input', { type: 'checkbox', name, required: '' }), words);
  return [
    ...(row.verdict === 'proven'
      ? []
      : [
          box(
            'accept_unproven',
            `I accept that it is ${row.verdict ?? 'not judged'}: ${row.doubt ?? 'nobody judged it'}`,
          ),
        ]),
    ...(sound ? [] : [box('accept_unsound', 'I accept that its dataset is not sound')]),
  ];
}

export async function promotion(
  run: RunDetail,
  row: ThresholdFigures,
  signal: AbortSignal,
  again: () => void,
): Promise<HTMLElement> {
  const [may, { servings }, dataset] = await Promise.all([
    permission(signal),
    ask('ServingList', '/v1/servings', {}, signal).catch((): ServingList => ({ servings: [] })),
    ask(
      'DatasetDetail',
      `/v1/datasets/${encodeURIComponent(run.dataset_id)}/detail`,
      {},
      signal,
    ).catch(() => null),
  ]);
  const section = h('section', { id: 'promotion' }, h('h2', {}, 'Promotion'));
  if (!may.allowed) {
    section.append(h('p', { class: 'said' }, `This page cannot promote it: ${may.reason}.`));
    return section;
  }
  const alias = h('input', {
    name: 'alias',
    type: 'text',
    required: '',
    pattern: '[a-z0-9][a-z0-9_]{0,63}',
    list: 'aliases',
    value: run.alias ?? servings[0]?.alias ?? '',
    autocomplete: 'off',
    title: 'a to z, 0 to 9 and _',
  });
  const known = h(
    'datalist',
    { id: 'aliases' },
    ...servings.map((entry) => h('option', { value: entry.alias })),
  );
  section.append(
    h(
      'p',
      { class: 'said' },
      `Publishes ${run.signal} at ${plain(row.threshold)} as it is shown here and points an alias at it. Who did it, when and why stays in the history of the alias.`,
    ),
    demandForm({
      words: 'Promote',
      fields: [h('label', {}, 'Alias', alias, known), ...gates(row, dataset?.sound ?? true)],
      act: async (given, reason) => {
        const served = servings.find((entry) => entry.alias === alias.value)?.serving_id ?? null;
        const made = await send<Promoted>(
          `/v1/servings/${encodeURIComponent(alias.value)}/promote`,
          {
            run_id: run.run_id,
            threshold: row.threshold,
            reason,
            accept_unproven: given.has('accept_unproven'),
            accept_unsound: given.has('accept_unsound'),
            expected: served,
          },
        );
        return `${made.alias} now serves ${made.serving_id}.`;
      },
      done: again,
    }),
    h('p', {}, h('a', { href: addressOf('servings') }, 'What is served')),
  );
  return section;
}
