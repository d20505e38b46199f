import { h } from './dom';

export interface Column<Row> {
  /** Name that the server sorts by; without one the column has no order. */
  sort?: string;
  label: string;
  /** What the column says, with its unit. */
  title: string;
  number?: boolean;
  cell: (row: Row) => Node | string;
}

/** Which column a table is in order of. */
export interface Sorted {
  by: string;
  order: 'ascending' | 'descending';
  /** The address that sorts by a column. */
  address: (by: string, order: 'ascending' | 'descending') => string;
}

/** A table whose heads are links that put it in order. */
export function tableOf<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  sorted?: Sorted,
): HTMLElement {
  const kind = ({ number = false }: Column<Row>): string | null => (number ? 'number' : null);
  const head = columns.map((column) =>
    h(
      'th',
      {
        scope: 'col',
        class: kind(column),
        title: column.title,
        'aria-sort': sorted !== undefined && column.sort === sorted.by ? sorted.order : null,
      },
      headOf(column, sorted),
    ),
  );
  const body = rows.map((row) =>
    h('tr', {}, ...columns.map((column) => h('td', { class: kind(column) }, column.cell(row)))),
  );
  const table = h(
    'table',
    {},
    h('caption', {}, caption),
    h('thead', {}, h('tr', {}, ...head)),
    h('tbody', {}, ...body),
  );
  return h('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': caption }, table);
}

/** The first click on a number shows the greatest first, on a word the first in the alphabet; the next turns it. */
function headOf<Row>(column: Column<Row>, sorted: Sorted | undefined): Node | string {
  if (sorted === undefined || column.sort === undefined) return column.label;
  const usual = column.number === true ? 'descending' : 'ascending';
  const turned = sorted.order === 'ascending' ? 'descending' : 'ascending';
  const order = column.sort === sorted.by ? turned : usual;
  return h('a', { href: sorted.address(column.sort, order) }, column.label);
}

/** "1 to 50 of 345" with the pages before and after it. */
export function pagerOf(
  first: number,
  shown: number,
  total: number,
  size: number,
  address: (first: number) => string,
): HTMLElement {
  const link = (to: number, words: string, there: boolean): HTMLElement =>
    there ? h('a', { href: address(to) }, words) : h('span', { class: 'caption' }, words);
  const said = shown === 0 ? `none of ${total}` : `${first + 1} to ${first + shown} of ${total}`;
  return h(
    'nav',
    { class: 'pager num', 'aria-label': 'Pages' },
    link(Math.max(first - size, 0), 'Earlier', first > 0),
    h('span', { id: 'shown' }, said),
    link(first + size, 'Later', first + shown < total),
  );
}

/** Names and values, one pair a line. */
export function factsOf(
  caption: string,
  facts: readonly (readonly [string, Node | string])[],
): HTMLElement {
  return h(
    'table',
    { class: 'facts' },
    h('caption', {}, caption),
    h(
      'tbody',
      {},
      ...facts.map(([name, value]) =>
        h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value)),
      ),
    ),
  );
}
