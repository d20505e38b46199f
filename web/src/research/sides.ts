/** Two things side by side: what differs first, what is the same to be opened. */
import { differences, type Difference } from './difference';
import { h } from './dom';
import { tableOf, type Column } from './table';
import { anything } from './words';

type Fields = Readonly<Record<string, unknown>>;

/** A section of two columns; `names` are over them. */
export function sideBySide(
  heading: string,
  names: readonly [string, string],
  left: Fields,
  right: Fields,
): HTMLElement {
  const rows = differences(left, right);
  const apart = rows.filter(({ same }) => !same);
  const alike = rows.filter(({ same }) => same);
  const columns: Column<Difference>[] = [
    { label: 'Name', title: 'What is compared', cell: ({ name }) => name.replaceAll('_', ' ') },
    { label: names[0], title: 'The first', cell: (row) => anything(row.left) },
    { label: names[1], title: 'The second', cell: (row) => anything(row.right) },
  ];
  return h(
    'section',
    { class: 'sides' },
    h('h2', {}, heading),
    apart.length === 0
      ? h('p', {}, `All ${alike.length} are the same.`)
      : tableOf(`${heading}: ${apart.length} that differ`, columns, apart),
    alike.length > 0 &&
      h(
        'details',
        {},
        h('summary', {}, `${alike.length} that are the same`),
        tableOf(`${heading}: the same`, columns.slice(0, 2), alike),
      ),
  );
}
