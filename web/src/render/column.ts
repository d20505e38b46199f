import { CELL_FIELDS } from '../wire/cells';
import type { Frame } from '../state/frame';

/** Values of a cell: what each colour mode shows, in the order of `MODES`, and one to spare. */
export const CHANNELS = 8;

/** Bits of a column's flags. */
export const FLAG_PRESENT = 1;
export const FLAG_VALID = 2;

const FLOW = CELL_FIELDS.indexOf('flow_score');
const PRESSURE = CELL_FIELDS.indexOf('pressure_variant');
const VACUUM = CELL_FIELDS.indexOf('vacuum_variant');
const DEPTH = CELL_FIELDS.indexOf('rest_depth');
const BIDS = CELL_FIELDS.indexOf('bid_depth');
const ASKS = CELL_FIELDS.indexOf('ask_depth');
const STATE = CELL_FIELDS.indexOf('state5_code');

/**
 * Writes what the modes show of a bin: row i, channel c at `i * CHANNELS + c`.
 *
 * Depth is negative where more of it is offered than bid, and so is vacuum.
 *
 * @param projection which of the packed columns is shown as the projection, -1 for none.
 */
export function fillColumn(
  frame: Frame,
  rows: number,
  out: Float32Array,
  projection: number,
): void {
  const { cells } = frame;
  const at = (field: number, row: number): number => cells[field * rows + row] ?? 0;
  for (let row = 0; row < rows; row += 1) {
    const base = row * CHANNELS;
    const [pressure, vacuum] = [at(PRESSURE, row), at(VACUUM, row)];
    out[base] = at(BIDS, row) < at(ASKS, row) ? -at(DEPTH, row) : at(DEPTH, row);
    out[base + 1] = pressure - vacuum;
    out[base + 2] = pressure;
    out[base + 3] = -vacuum;
    out[base + 4] = at(FLOW, row);
    out[base + 5] = projection < 0 ? 0 : at(projection, row);
    out[base + 6] = at(STATE, row);
  }
}

/** Whether and how a column is drawn; a bin without a spot has no place on the price axis. */
export function columnFlags(frame: Frame | undefined): number {
  if (frame === undefined) return 0;
  return FLAG_PRESENT | (frame.valid ? FLAG_VALID : 0);
}
