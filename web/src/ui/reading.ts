import { formatClock } from '../state/clock';
import { brief, count, fixed, NONE, significant, signed } from '../state/format';
import type { Frame } from '../state/frame';
import type { CellReading, Hovered } from '../state/inspect';
import { stateName } from '../state/modes';
import type { PriceGrid } from '../state/price';
import { markText } from '../state/tools/marks';
import type { CellField } from '../wire/cells';
import { byId, make, setText } from './elements';

const DIGITS = 4;

/** What is read of a cell beside its state, in order, by label. */
const FIELDS: readonly (readonly [string, (reading: CellReading) => string])[] = [
  ['Bought', ({ buy }) => fixed(buy, 0)],
  ['Sold', ({ sell }) => fixed(sell, 0)],
  ['Pressure', ({ values }) => significant(values.pressure_variant, DIGITS)],
  ['Vacuum', ({ values }) => significant(values.vacuum_variant, DIGITS)],
  ['Net', ({ values }) => significant(values.pressure_variant - values.vacuum_variant, DIGITS)],
  ['Composite', ({ values }) => signed(values.composite, 3)],
  ['Flow score', ({ values }) => signed(values.flow_score, 3)],
  ['Flow state', ({ values }) => signed(values.flow_state_code, 0)],
  ['Last event', ({ values }) => count(values.last_event_id)],
];

const ORDERS: readonly (readonly [string, string])[] = [
  ['now', 'Value at the end of the bin'],
  ['v', 'Velocity, a second'],
  ['a', 'Acceleration, a second squared'],
  ['j', 'Jerk, a second cubed'],
];

type Read = (value: number) => string;
const depth: Read = (value) => fixed(value, 0);
const score: Read = (value) => signed(value, 2);

/** What has rates of change: its label, its value and these as fields, and how each is written. Comp. is the composite. */
const MOVING: readonly (readonly [string, readonly (readonly [CellField, Read])[]])[] = [
  ['Added', row('add_mass', brief, ['v_add', 'a_add', 'j_add'], brief)],
  ['Pulled', row('pull_mass', brief, ['v_pull', 'a_pull', 'j_pull'], brief)],
  ['Filled', row('fill_mass', brief, ['v_fill', 'a_fill', 'j_fill'], brief)],
  ['Depth', row('rest_depth', depth, ['v_rest_depth', 'a_rest_depth', 'j_rest_depth'], brief)],
  ['Bids', row('bid_depth', depth, ['v_bid_depth', 'a_bid_depth', 'j_bid_depth'], brief)],
  ['Asks', row('ask_depth', depth, ['v_ask_depth', 'a_ask_depth', 'j_ask_depth'], brief)],
  ['Comp.', row('composite', score, ['composite_d1', 'composite_d2', 'composite_d3'], score)],
];

function row(
  value: CellField,
  read: Read,
  rates: readonly CellField[],
  readRate: Read,
): readonly (readonly [CellField, Read])[] {
  return [[value, read], ...rates.map((field) => [field, readRate] as const)];
}

/** The fixed corner that says the exact values of the cell under the pointer; nothing lies over the picture. */
export class Reading {
  private readonly price = byId('reading-price', HTMLElement);
  private readonly time = byId('reading-time', HTMLElement);
  private readonly list = byId('reading-fields', HTMLElement);
  private readonly state: HTMLElement;
  private readonly values: HTMLElement[] = [];
  private readonly projections: HTMLElement;
  private readonly marks: HTMLElement;
  private readonly moving: HTMLElement[][];

  constructor() {
    const add = (label: string): HTMLElement => {
      const row = make('div');
      const value = make('dd', NONE);
      row.append(make('dt', label), value);
      this.list.append(row);
      return value;
    };
    this.state = add('State');
    this.state.parentElement?.classList.add('wide');
    for (const [label] of FIELDS) this.values.push(add(label));
    // The last one has a line for itself, and may be long.
    if (FIELDS.length % 2 === 1) this.values.at(-1)?.parentElement?.classList.add('wide');
    this.projections = add('Projected');
    this.projections.parentElement?.classList.add('wide', 'said');
    this.marks = add('Mark');
    this.marks.parentElement?.classList.add('wide', 'said', 'mark');
    this.moving = fillTable(byId('reading-moving', HTMLTableElement));
  }

  /** @param marked whether the map shows marks. */
  draw(hovered: Hovered | null, grid: PriceGrid, marked: boolean): void {
    const frame = hovered?.frame;
    const reading = hovered?.reading ?? null;
    const known = hovered !== null && frame !== undefined;
    setText(this.price, known ? grid.format(grid.priceAt(hovered.cell)) : NONE);
    const book = frame?.valid === false ? ' · book not valid' : '';
    setText(this.time, known ? `${whenText(frame)}${book}` : 'Point at the map');
    const state = reading && stateName(reading.values.state5_code);
    setText(this.state, reading === null ? NONE : `${state}, ${signed(reading.k, 0)} from spot`);
    FIELDS.forEach(([, read], index) => {
      const value = this.values[index];
      if (value) setText(value, reading === null ? NONE : read(reading));
    });
    MOVING.forEach(([, fields], at) => {
      fields.forEach(([field, read], order) => {
        const value = this.moving[at]?.[order];
        if (value) setText(value, reading === null ? NONE : read(reading.values[field]));
      });
    });
    const projected = reading?.projections.map(
      // One horizon stays on one line.
      ({ horizonMs, score }) => `${horizonMs / 1000}\u00a0s\u00a0${signed(score, 3)}`,
    );
    setText(this.projections, projected?.join(' · ') ?? NONE);
    const [mark, ...others] = marked ? (hovered?.marks ?? []) : [];
    const more = others.length > 0 ? ` · and ${others.length} more` : '';
    setText(this.marks, mark === undefined ? NONE : markText(mark) + more);
  }
}

/** Makes the rows of {@link MOVING}; returns what holds their values. */
function fillTable(table: HTMLTableElement): HTMLElement[][] {
  const head = table.createTHead().insertRow();
  head.append(make('td'));
  for (const [sign, meaning] of ORDERS) {
    const cell = make('th', sign);
    cell.scope = 'col';
    cell.title = meaning;
    head.append(cell);
  }
  const body = table.createTBody();
  return MOVING.map(([label, fields]) => {
    const line = body.insertRow();
    const name = make('th', label);
    name.scope = 'row';
    line.append(name);
    return fields.map(() => {
      const value = make('td', NONE);
      line.append(value);
      return value;
    });
  });
}

/** When the bin is, or from when to when a column of several; and its number, or that of the last of them. */
function whenText({ startMs, endMs, update }: Frame): string {
  const { bin_seq: last, every } = update;
  if (every === undefined) return `${formatClock(startMs, 'millis')} · #${last}`;
  return `${formatClock(startMs, 'seconds')} to ${formatClock(endMs, 'seconds')} · #${last}`;
}
