import { formatClock } from '../state/clock';
import { fixed, significant, signed } from '../state/format';
import type { CellReading, Hovered } from '../state/inspect';
import { stateName } from '../state/modes';
import type { PriceGrid } from '../state/price';
import { byId, make } from './elements';

const OFFSET = 18;
const DIGITS = 7;

/** The card beside the pointer with the exact values of the cell under it. */
export class Reading {
  private readonly card = byId('reading', HTMLElement);

  /**
   * @param at pointer in CSS px of the chart, null when it is not over the plot.
   * @param size of the plot in CSS px; the card stays inside.
   */
  draw(
    hovered: Hovered | null,
    grid: PriceGrid,
    at: { x: number; y: number } | null,
    size: { width: number; height: number },
  ): void {
    const frame = hovered?.frame;
    this.card.hidden = hovered === null || frame === undefined || at === null;
    if (hovered === null || frame === undefined || at === null) return;
    const head = make('header');
    head.append(
      make('span', grid.format(grid.priceAt(hovered.cell))),
      make('span', formatClock(frame.startMs, 'millis')),
    );
    const list = make('dl');
    for (const [label, value] of hovered.reading ? rows(hovered.reading) : outside()) {
      const row = make('div');
      row.append(make('dt', label), make('dd', value));
      list.append(row);
    }
    this.card.replaceChildren(head, list);
    this.place(at, size);
  }

  private place(at: { x: number; y: number }, size: { width: number; height: number }): void {
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const right = at.x + OFFSET;
    const x = right + width < size.width ? right : at.x - OFFSET - width;
    const y = Math.min(Math.max(at.y - height / 2, 8), Math.max(size.height - height - 8, 8));
    this.card.style.transform = `translate(${Math.round(Math.max(x, 8))}px, ${Math.round(y)}px)`;
  }
}

function outside(): [string, string][] {
  return [['Outside the window of this bin', '']];
}

function rows({ frame, k, values, projections }: CellReading): [string, string][] {
  const exact = (value: number): string => significant(value, DIGITS);
  return [
    ['Cells from spot', signed(k, 0)],
    ['Bin', `#${frame.seq}`],
    ...(frame.valid ? [] : ([['Book', 'not valid']] as [string, string][])),
    ['Flow score', signed(values.flow_score, 6)],
    ['Composite', signed(values.composite, 6)],
    ['Pressure', exact(values.pressure_variant)],
    ['Vacuum', exact(values.vacuum_variant)],
    ['Pressure − vacuum', exact(values.pressure_variant - values.vacuum_variant)],
    ['Depth bid / ask', `${fixed(values.bid_depth, 0)} / ${fixed(values.ask_depth, 0)}`],
    ['Mass added', exact(values.add_mass)],
    ['Mass pulled', exact(values.pull_mass)],
    ['Mass filled', exact(values.fill_mass)],
    ['Velocity add', exact(values.v_add)],
    ['Velocity pull', exact(values.v_pull)],
    ['Velocity fill', exact(values.v_fill)],
    ['Velocity depth', exact(values.v_rest_depth)],
    ['State', stateName(values.state5_code)],
    ...projections.map(({ horizonMs, score }): [string, string] => [
      `Projected +${horizonMs} ms`,
      signed(score, 6),
    ]),
  ];
}
