import { formatClock } from '../state/clock';
import { fixed, NONE, significant, signed } from '../state/format';
import type { Frame } from '../state/frame';
import type { CellReading, Hovered } from '../state/inspect';
import { stateName } from '../state/modes';
import type { PriceGrid } from '../state/price';
import { markText } from '../state/tools/marks';
import { byId, make, setText } from './elements';

const DIGITS = 4;

/** What is read of a cell beside its state, in order, by label; v. is the velocity of what stands before it. */
const FIELDS: readonly (readonly [string, (reading: CellReading) => string])[] = [
  ['Depth', ({ values }) => fixed(values.rest_depth, 0)],
  ['Depth v.', ({ values }) => significant(values.v_rest_depth, DIGITS)],
  ['Bid depth', ({ values }) => fixed(values.bid_depth, 0)],
  ['Ask depth', ({ values }) => fixed(values.ask_depth, 0)],
  ['Bought', ({ buy }) => fixed(buy, 0)],
  ['Sold', ({ sell }) => fixed(sell, 0)],
  ['Pressure', ({ values }) => significant(values.pressure_variant, DIGITS)],
  ['Vacuum', ({ values }) => significant(values.vacuum_variant, DIGITS)],
  ['Net', ({ values }) => significant(values.pressure_variant - values.vacuum_variant, DIGITS)],
  ['Composite', ({ values }) => signed(values.composite, 3)],
  ['Flow score', ({ values }) => signed(values.flow_score, 3)],
  ['Flow state', ({ values }) => signed(values.flow_state_code, 0)],
  ['Added', ({ values }) => significant(values.add_mass, DIGITS)],
  ['Added v.', ({ values }) => significant(values.v_add, DIGITS)],
  ['Pulled', ({ values }) => significant(values.pull_mass, DIGITS)],
  ['Pulled v.', ({ values }) => significant(values.v_pull, DIGITS)],
  ['Filled', ({ values }) => significant(values.fill_mass, DIGITS)],
  ['Filled v.', ({ values }) => significant(values.v_fill, DIGITS)],
];

/** The fixed corner that says the exact values of the cell under the pointer; nothing lies over the picture. */
export class Reading {
  private readonly price = byId('reading-price', HTMLElement);
  private readonly time = byId('reading-time', HTMLElement);
  private readonly list = byId('reading-fields', HTMLElement);
  private readonly state: HTMLElement;
  private readonly values: HTMLElement[] = [];
  private readonly projections: HTMLElement;
  private readonly marks: HTMLElement;

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
    this.projections = add('Projected');
    this.projections.parentElement?.classList.add('wide', 'said');
    this.marks = add('Mark');
    this.marks.parentElement?.classList.add('wide', 'said', 'mark');
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
    const projected = reading?.projections.map(
      ({ horizonMs, score }) => `${horizonMs / 1000} s ${signed(score, 3)}`,
    );
    setText(this.projections, projected?.join(' · ') ?? NONE);
    const [mark, ...others] = marked ? (hovered?.marks ?? []) : [];
    const more = others.length > 0 ? ` · and ${others.length} more` : '';
    setText(this.marks, mark === undefined ? NONE : markText(mark) + more);
  }
}

/** When the bin is, or from when to when a column of several; and its number, or that of the last of them. */
function whenText({ startMs, endMs, update }: Frame): string {
  const { bin_seq: last, every } = update;
  if (every === undefined) return `${formatClock(startMs, 'millis')} · #${last}`;
  return `${formatClock(startMs, 'seconds')} to ${formatClock(endMs, 'seconds')} · #${last}`;
}
