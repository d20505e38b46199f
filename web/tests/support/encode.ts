import {
  columnFromArray,
  float64,
  int32,
  int64,
  int8,
  tableFromColumns,
  tableFromIPC,
  tableToIPC,
  type Column,
  type DataType,
} from '@uwdata/flechette';

import { CODE_FIELDS, FLOAT_FIELDS, LONG_FIELDS } from './market';

/** The grid of one bin as the server sends it: an Arrow IPC stream of one record batch. */
export function encodeGrid(columns: Readonly<Record<string, Float64Array>>): Uint8Array {
  const values = (name: string): Float64Array => columns[name] ?? new Float64Array(0);
  const columnsOf = (names: string[], type: () => DataType): [string, Column<unknown>][] =>
    names.map((name) => [name, columnFromArray<unknown>(values(name), type())]);
  const entries = [
    ...columnsOf(['k'], int32),
    ...columnsOf(FLOAT_FIELDS, float64),
    ...columnsOf(LONG_FIELDS, () => int64()),
    ...columnsOf(CODE_FIELDS, int8),
  ];
  const bytes = tableToIPC(tableFromColumns(entries), { format: 'stream' });
  if (bytes === null) throw new Error('the grid could not be encoded');
  return bytes;
}

/** The columns of a grid that {@link encodeGrid} made. */
export function decodeGrid(bytes: Uint8Array): Record<string, Float64Array> {
  const table = tableFromIPC(bytes, { useBigInt: false });
  return Object.fromEntries(
    table.names.map((name) => [
      name,
      Float64Array.from(table.getChild(name).toArray() as ArrayLike<number>),
    ]),
  );
}
