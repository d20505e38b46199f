import { CELL_FIELDS } from '../../wire/cells';
import type { NearTotals } from '../inspect';
import { modeOf, type ModeId } from '../modes';
import { INITIAL_SCALE, largeMagnitude, observeMagnitude, type AutoScale } from '../scale';

const PRESSURE = CELL_FIELDS.indexOf('pressure_variant');
const VACUUM = CELL_FIELDS.indexOf('vacuum_variant');
const DEPTH = CELL_FIELDS.indexOf('rest_depth');

/** Colour ranges of the quantities that have no bounds of their own; they follow what has come. */
export class Ranges {
  private force: AutoScale = INITIAL_SCALE;
  private pressure: AutoScale = INITIAL_SCALE;
  private vacuum: AutoScale = INITIAL_SCALE;
  private depth: AutoScale = INITIAL_SCALE;
  private nearSpot: AutoScale = INITIAL_SCALE;
  private readonly scratch: Float64Array;

  /** @param rows cells of a bin. */
  constructor(private readonly rows: number) {
    this.scratch = new Float64Array(rows);
  }

  /** Takes account of a new bin: its packed cells, and its totals near spot. */
  observe(cells: Float64Array, near: NearTotals): void {
    const { rows } = this;
    const at = (field: number, row: number): number => cells[field * rows + row] ?? 0;
    this.force = this.next(this.force, (row) => at(PRESSURE, row) - at(VACUUM, row));
    this.pressure = this.next(this.pressure, (row) => at(PRESSURE, row));
    this.vacuum = this.next(this.vacuum, (row) => at(VACUUM, row));
    this.depth = this.next(this.depth, (row) => at(DEPTH, row));
    const largest = Math.max(...Object.values(near).map(Math.abs));
    this.nearSpot = observeMagnitude(this.nearSpot, largest);
  }

  private next(scale: AutoScale, valueAt: (row: number) => number): AutoScale {
    for (let row = 0; row < this.rows; row += 1) this.scratch[row] = valueAt(row);
    return observeMagnitude(scale, largeMagnitude(this.scratch));
  }

  /** Magnitude of the strongest colour of a mode. */
  of(mode: ModeId): number {
    switch (mode) {
      case 'force':
      case 'pressure':
      case 'vacuum':
      case 'depth':
        return this[mode].range;
      default:
        return modeOf(mode).range ?? 1;
    }
  }

  /** Full scale of the gauges near spot. */
  get near(): number {
    return this.nearSpot.range;
  }
}
