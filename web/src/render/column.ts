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

/** Texels of a cell, of four values each, above one another. */
export const TEXELS = CHANNELS / 4;

/**
 * Writes what the modes show of a bin into a picture of `columns` columns, whose rows have {@link TEXELS} rows of texels
 * each. Alone, row i, channel c is at `i * CHANNELS + c`.
 *
 * Depth is negative where more of it is offered than bid, and so is vacuum.
 *
 * @param projection which of the packed columns is shown as the projection, -1 for none. @param column which of the
 *   picture it becomes.
 */
export function fillColumn(
  { cells }: Frame,
  rows: number,
  out: Float32Array,
  projection: number,
  column = 0,
  columns = 1,
): void {
  const second = columns * 4;
  for (let row = 0; row < rows; row += 1) {
    const base = (row * TEXELS * columns + column) * 4;
    const pressure = cells[PRESSURE * rows + row] ?? 0;
    const vacuum = cells[VACUUM * rows + row] ?? 0;
    const depth = cells[DEPTH * rows + row] ?? 0;
    const offered = (cells[BIDS * rows + row] ?? 0) < (cells[ASKS * rows + row] ?? 0);
    out[base] = offered ? -depth : depth;
    out[base + 1] = pressure - vacuum;
    out[base + 2] = pressure;
    out[base + 3] = -vacuum;
    out[base + second] = cells[FLOW * rows + row] ?? 0;
    out[base + second + 1] = projection < 0 ? 0 : (cells[projection * rows + row] ?? 0);
    out[base + second + 2] = cells[STATE * rows + row] ?? 0;
    out[base + second + 3] = 0;
  }
}

/** Whether and how a column is drawn; a bin without a spot has no place on the price axis. */
export function columnFlags(frame: Frame | undefined): number {
  if (frame === undefined) return 0;
  return FLAG_PRESENT | (frame.valid ? FLAG_VALID : 0);
}
