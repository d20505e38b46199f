import { tableFromIPC } from '@uwdata/flechette';

import type { CellLayout } from './cells';
import { WireError } from './errors';

type ArrowTable = ReturnType<typeof tableFromIPC>;
type Values = Float64Array | Float32Array | BigInt64Array | Int32Array | Int16Array | Int8Array;

const WORD = Int32Array.BYTES_PER_ELEMENT;
const KINDS = [Float64Array, Float32Array, BigInt64Array, Int32Array, Int16Array, Int8Array];

/** Bytes from `begin` to `end`, the latter not included. */
interface Body {
  begin: number;
  end: number;
}

/** How a grid lay in its bytes: another one with the same metadata lies the same way. */
interface Shape {
  /** What lies before the values, and behind them, four bytes at a time: that compares faster. */
  head: Int32Array;
  tail: Int32Array;
  body: Body;
  /** Where its first byte lay in its buffer, of eight: a view of eight-byte values begins at a multiple of that. */
  alignment: number;
  k: Place;
  columns: readonly Place[];
}

/** Where the values of a column lie, from the first byte on. */
interface Place {
  kind: (typeof KINDS)[number];
  at: number;
}

/**
 * Decodes grids of one layout, each an Arrow IPC stream of one record batch.
 *
 * A server sends each bin with the same schema and the same lengths. So what a grid says of itself is read once, and
 * only compared after that: reading it takes ten times as long as taking over the values.
 */
export class GridReader {
  private known: Shape | null = null;

  constructor(private readonly layout: CellLayout) {}

  /**
   * @returns the layout's columns as float64, packed one after the other. Depths (int64 on the wire) are exact
   *   below 2^53 and the nearest double beyond.
   * @throws {WireError} when the bytes are no Arrow stream, or rows or columns are not those of the layout.
   */
  read(bytes: Uint8Array): Float64Array<ArrayBuffer> {
    const { known, layout } = this;
    if (known !== null && hasShape(bytes, known)) {
      const of = (place: Place): Values => valuesAt(bytes, place, layout.rows);
      return pack(of(known.k), known.columns.map(of), layout);
    }
    try {
      const body = checkMessages(bytes);
      const table = tableFromIPC(bytes, { useBigInt: true });
      if (table.numRows !== layout.rows) {
        throw new WireError(`grid has ${table.numRows} rows; ${layout.rows} are expected`);
      }
      const k = columnOf(table, 'k');
      const columns = layout.columns.map((name) => columnOf(table, name));
      const packed = pack(k, columns, layout);
      this.known = shapeOf(bytes, body, k, columns);
      return packed;
    } catch (error) {
      if (error instanceof WireError) throw error;
      // Damage shows anywhere between the stream's header and its last value, as whatever the reader stumbles over.
      const cause = error instanceof Error ? error.message : String(error);
      throw new WireError(`binary message of ${bytes.byteLength} bytes is no grid: ${cause}`);
    }
  }
}

/** As {@link GridReader.read}, of one grid. */
export function decodeCells(bytes: Uint8Array, layout: CellLayout): Float64Array<ArrayBuffer> {
  return new GridReader(layout).read(bytes);
}

/** Where a message's metadata says how long its body is: the field of this number in its table. */
const BODY_LENGTH_SLOT = 10;

/**
 * Every message of the stream ends behind its beginning and inside the bytes. The reader takes lengths as they come,
 * so a damaged one that is negative would lead it back to a message it has read, for ever.
 *
 * @returns the body of the one message that has one, null when there are several or none.
 */
function checkMessages(bytes: Uint8Array): Body | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bodies: Body[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const continued = view.getInt32(at, true) === -1;
    const metadata = at + (continued ? 8 : 4);
    const length = view.getInt32(metadata - 4, true);
    if (length === 0) break;
    const body = bodyLength(view, metadata);
    at = metadata + length + body;
    if (length < 0 || body < 0 || at > bytes.byteLength) {
      throw new WireError(`grid message of ${length} + ${body} bytes at byte ${metadata}`);
    }
    if (body > 0) bodies.push({ begin: at - body, end: at });
  }
  const [only, ...others] = bodies;
  return only !== undefined && others.length === 0 ? only : null;
}

/** The length of a message's body, from the flatbuffer at `metadata`; 0 where it does not say. */
function bodyLength(view: DataView, metadata: number): number {
  const table = metadata + view.getInt32(metadata, true);
  const slots = table - view.getInt32(table, true);
  if (view.getUint16(slots, true) <= BODY_LENGTH_SLOT) return 0;
  const field = view.getUint16(slots + BODY_LENGTH_SLOT, true);
  return field === 0 ? 0 : Number(view.getBigInt64(table + field, true));
}

function columnOf(table: ArrowTable, name: string): ArrayLike<number> | Values {
  if (!table.names.includes(name)) throw new WireError(`grid lacks the column ${name}`);
  return table.getChild(name).toArray() as ArrayLike<number> | Values;
}

function pack(
  k: ArrayLike<number> | Values,
  columns: readonly (ArrayLike<number> | Values)[],
  { rows, columns: names }: CellLayout,
): Float64Array<ArrayBuffer> {
  checkRowOrder(k as ArrayLike<number>, rows);
  const packed = new Float64Array(names.length * rows);
  columns.forEach((column, index) => {
    const start = index * rows;
    if (column instanceof BigInt64Array) packLong(column, packed, start, rows);
    else packed.set(column, start);
  });
  return packed;
}

/** Puts int64 values where doubles are wanted, without a bigint for each. */
function packLong(column: BigInt64Array, packed: Float64Array, start: number, rows: number): void {
  const halves = new DataView(column.buffer, column.byteOffset, column.byteLength);
  for (let row = 0; row < rows; row += 1) {
    // Only the sum is rounded: the upper half times 2^32 is exact.
    packed[start + row] =
      halves.getInt32(row * 8 + 4, true) * 2 ** 32 + halves.getUint32(row * 8, true);
  }
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

/** How a grid lies in its bytes, null where its values are not simply there, one after the other. */
function shapeOf(
  bytes: Uint8Array,
  body: Body | null,
  k: ArrayLike<number> | Values,
  columns: readonly (ArrayLike<number> | Values)[],
): Shape | null {
  const places = [k, ...columns].map((column) => body && placeOf(bytes, body, column));
  const [first, ...others] = places.filter((place) => place !== null);
  if (body === null || first === undefined || others.length !== columns.length) return null;
  const cuts = [bytes.byteOffset, bytes.byteLength, body.begin, body.end];
  if (cuts.some((at) => at % WORD !== 0)) return null;
  return {
    head: words(bytes, 0, body.begin).slice(),
    tail: words(bytes, body.end, bytes.byteLength).slice(),
    body,
    alignment: bytes.byteOffset % 8,
    k: first,
    columns: others,
  };
}

function placeOf(
  bytes: Uint8Array,
  { begin, end }: Body,
  column: ArrayLike<number> | Values,
): Place | null {
  const kind = KINDS.find((one) => column instanceof one);
  if (kind === undefined) return null;
  const values = column as Values;
  const at = values.byteOffset - bytes.byteOffset;
  const inside = values.buffer === bytes.buffer && at >= begin && at + values.byteLength <= end;
  return inside ? { kind, at } : null;
}

/** Whether all but the values is as it was. */
function hasShape(bytes: Uint8Array, { head, tail, body, alignment }: Shape): boolean {
  return (
    bytes.byteLength === body.end + tail.byteLength &&
    bytes.byteOffset % 8 === alignment &&
    areSame(words(bytes, 0, body.begin), head) &&
    areSame(words(bytes, body.end, bytes.byteLength), tail)
  );
}

function words(bytes: Uint8Array, begin: number, end: number): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset + begin, (end - begin) / WORD);
}

function areSame(some: Int32Array, others: Int32Array): boolean {
  for (let at = 0; at < others.length; at += 1) {
    if (some[at] !== others[at]) return false;
  }
  return true;
}

function valuesAt(bytes: Uint8Array, { kind, at }: Place, rows: number): Values {
  return new kind(bytes.buffer as ArrayBuffer, bytes.byteOffset + at, rows);
}
