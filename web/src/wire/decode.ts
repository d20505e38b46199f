import { tableFromIPC } from '@uwdata/flechette';

import type { CellLayout } from './cells';
import { WireError } from './errors';

type ArrowTable = ReturnType<typeof tableFromIPC>;

/**
 * Decodes one Arrow IPC stream of one record batch.
 *
 * @returns the layout's columns as float64, packed one after the other. Depths (int64 on the wire) are exact
 *   below 2^53 and the nearest double beyond.
 * @throws {WireError} when the bytes are no Arrow stream, or rows or columns are not those of the layout.
 */
export function decodeCells(bytes: Uint8Array, layout: CellLayout): Float64Array<ArrayBuffer> {
  try {
    checkMessages(bytes);
    return packTable(tableFromIPC(bytes, { useBigInt: true }), layout);
  } catch (error) {
    if (error instanceof WireError) throw error;
    // Damage shows anywhere between the stream's header and its last value, as whatever the reader stumbles over.
    const cause = error instanceof Error ? error.message : String(error);
    throw new WireError(`binary message of ${bytes.byteLength} bytes is no grid: ${cause}`);
  }
}

/** Where a message's metadata says how long its body is: the field of this number in its table. */
const BODY_LENGTH_SLOT = 10;

/**
 * Every message of the stream ends behind its beginning and inside the bytes. The reader takes lengths as they come,
 * so a damaged one that is negative would lead it back to a message it has read, for ever.
 */
function checkMessages(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.byteLength) {
    const continued = view.getInt32(at, true) === -1;
    const metadata = at + (continued ? 8 : 4);
    const length = view.getInt32(metadata - 4, true);
    if (length === 0) return;
    const body = bodyLength(view, metadata);
    at = metadata + length + body;
    if (length < 0 || body < 0 || at > bytes.byteLength) {
      throw new WireError(`grid message of ${length} + ${body} bytes at byte ${metadata}`);
    }
  }
}

/** The length of a message's body, from the flatbuffer at `metadata`; 0 where it does not say. */
function bodyLength(view: DataView, metadata: number): number {
  const table = metadata + view.getInt32(metadata, true);
  const slots = table - view.getInt32(table, true);
  if (view.getUint16(slots, true) <= BODY_LENGTH_SLOT) return 0;
  const field = view.getUint16(slots + BODY_LENGTH_SLOT, true);
  return field === 0 ? 0 : Number(view.getBigInt64(table + field, true));
}

function packTable(table: ArrowTable, layout: CellLayout): Float64Array<ArrayBuffer> {
  if (table.numRows !== layout.rows) {
    throw new WireError(`grid has ${table.numRows} rows; ${layout.rows} are expected`);
  }
  checkRowOrder(columnOf(table, 'k') as ArrayLike<number>, layout.rows);
  const packed = new Float64Array(layout.columns.length * layout.rows);
  layout.columns.forEach((name, index) => {
    const column = columnOf(table, name);
    const start = index * layout.rows;
    if (column instanceof BigInt64Array) {
      for (let row = 0; row < layout.rows; row += 1) packed[start + row] = Number(column[row]);
    } else {
      packed.set(column, start);
    }
  });
  return packed;
}

function columnOf(table: ArrowTable, name: string): ArrayLike<number> | BigInt64Array {
  if (!table.names.includes(name)) throw new WireError(`grid lacks the column ${name}`);
  return table.getChild(name).toArray() as ArrayLike<number> | BigInt64Array;
}

/** A grid whose rows came in another order would be drawn upside down without this check. */
function checkRowOrder(k: ArrayLike<number>, rows: number): void {
  const radius = (rows - 1) / 2;
  if (k[0] !== -radius || k[rows - 1] !== radius) {
    throw new WireError(
      `grid rows run from k=${k[0]} to k=${k[rows - 1]}; -${radius} to ${radius} is expected`,
    );
  }
}
