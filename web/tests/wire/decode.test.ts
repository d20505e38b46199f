import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Assembler } from '../../src/wire/assembler';
import { cellLayout, CELL_FIELDS } from '../../src/wire/cells';
import { decodeCells } from '../../src/wire/decode';
import { WireError } from '../../src/wire/errors';
import { parseServerMessage } from '../../src/wire/messages';
import { LAYOUT, marketBins, pack } from '../support/bins';
import { encodeGrid } from '../support/encode';
import { RUNTIME_CONFIG } from '../support/market';

const [BIN] = marketBins(1);
if (BIN === undefined) throw new Error('the market gave no bin');
const GRID_BYTES = encodeGrid(BIN.columns);
const UPDATE_TEXT = JSON.stringify(BIN.update);
const CONFIG_TEXT = JSON.stringify(RUNTIME_CONFIG);

/** A JSON message with one field replaced or, with undefined, left out. */
function changed(message: object, field: string, value: unknown): string {
  return JSON.stringify({ ...message, [field]: value });
}

describe('parseServerMessage', () => {
  it('reads every message of the server', () => {
    expect(parseServerMessage(UPDATE_TEXT)).toEqual(BIN.update);
    expect(parseServerMessage(CONFIG_TEXT)).toEqual(RUNTIME_CONFIG);
    expect(parseServerMessage('{"type":"stream_end","bins":7}')).toEqual({
      type: 'stream_end',
      bins: 7,
    });
  });

  it('ignores fields and messages it does not know', () => {
    expect(parseServerMessage(changed(BIN.update, 'new_in_1_9', [1]))).toEqual(BIN.update);
    expect(parseServerMessage('{"type":"weather"}')).toBeNull();
  });

  it.each([
    ['ts_ns', '12x', 'is "12x"; text like ^-?[0-9]{1,19}$(?!\\n) is expected'],
    ['mid_price', null, 'is null; a finite number is expected'],
    ['bin_seq', -1, 'is -1; at least 0 is expected'],
    ['event_id', 2 ** 60, 'is 1152921504606847000; at most 9007199254740991 is expected'],
    ['book_valid', 'yes', 'is "yes"; true or false is expected'],
    ['signal', [], 'is []; an object is expected'],
    ['event_id', undefined, 'is missing'],
  ])('names a wrong %s', (field, value, message) => {
    expect(() => parseServerMessage(changed(BIN.update, field, value))).toThrow(
      new WireError(`grid_update.${field} ${message}`),
    );
  });

  it('refuses another contract major and a row count that does not fit the radius', () => {
    const parse = (field: string, value: unknown) => () =>
      parseServerMessage(changed(RUNTIME_CONFIG, field, value));
    expect(parse('contract_version', '2.0')).toThrow(/this page 1\.x/);
    expect(parse('contract_version', '1.9')).not.toThrow();
    expect(parse('grid_rows', 100)).toThrow(/needs 101/);
  });

  it('answers any text with a message, null or a WireError', () => {
    const anyText = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `{"type":${json}}`),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          parseServerMessage(text);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

describe('cellLayout', () => {
  it('orders projections by horizon, not by name', () => {
    const { columns } = cellLayout(['proj_1000', ...CELL_FIELDS, 'proj_250'], 3);
    expect(columns.slice(-2)).toEqual(['proj_250', 'proj_1000']);
  });

  it('names the fields a grid lacks', () => {
    const fields = CELL_FIELDS.filter((name) => name !== 'v_fill' && name !== 'composite');
    expect(() => cellLayout(fields, 3)).toThrow('lacks composite, v_fill');
  });
});

describe('decodeCells', () => {
  it('packs the columns in order, depths included', () => {
    expect(decodeCells(GRID_BYTES, LAYOUT)).toEqual(pack(BIN));
  });

  it('refuses another row count, another order of rows and a missing column', () => {
    const upsideDown = { ...BIN.columns, k: Float64Array.from(BIN.columns.k ?? []).reverse() };
    const extended = { ...LAYOUT, columns: [...LAYOUT.columns, 'proj_9'] };
    expect(() => decodeCells(GRID_BYTES, { ...LAYOUT, rows: 99 })).toThrow('grid has 101 rows');
    expect(() => decodeCells(encodeGrid(upsideDown), LAYOUT)).toThrow('from k=50 to k=-50');
    expect(() => decodeCells(GRID_BYTES, extended)).toThrow('lacks the column proj_9');
  });

  it('refuses a message that would end before it begins', () => {
    for (const at of lengthsIn(GRID_BYTES)) {
      const bytes = GRID_BYTES.slice();
      new DataView(bytes.buffer).setInt32(at, -8, true); // of its own length: back to its first byte
      expect(() => decodeCells(bytes, LAYOUT)).toThrow(WireError);
    }
  });

  it('answers damaged bytes with values or a WireError', () => {
    const damage = fc.tuple(fc.nat(GRID_BYTES.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(damage, fc.nat(GRID_BYTES.length), ([at, flip], length) => {
        const bytes = GRID_BYTES.slice(0, length);
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ flip;
        try {
          expect(decodeCells(bytes, LAYOUT)).toHaveLength(LAYOUT.columns.length * LAYOUT.rows);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

/** Where the stream's messages say how long their metadata is. */
function lengthsIn(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const marks = Array.from({ length: bytes.length / 8 }, (_, word) => word * 8);
  return marks
    .filter((at) => view.getInt32(at, true) === -1 && view.getInt32(at + 4, true) > 0)
    .map((at) => at + 4);
}

describe('Assembler', () => {
  function configured(): Assembler {
    const assembler = new Assembler();
    assembler.text(CONFIG_TEXT);
    return assembler;
  }

  it('gives a bin only when both halves are there', () => {
    const assembler = configured();
    expect(assembler.text(UPDATE_TEXT)).toBeNull();
    expect(assembler.binary(GRID_BYTES)).toEqual({
      type: 'bin',
      update: BIN.update,
      cells: pack(BIN),
    });
  });

  it('never puts the scalars of one bin over the cells of another', () => {
    const assembler = configured();
    assembler.text(UPDATE_TEXT);
    const next = changed(BIN.update, 'bin_seq', 1);
    expect(() => assembler.text(next)).toThrow('bin 0 came without its grid');
    expect(assembler.binary(GRID_BYTES).update.bin_seq).toBe(1);
    expect(() => assembler.binary(GRID_BYTES)).toThrow('without its grid_update');
  });

  it('lets an answer of the server, or what it does not know, come between the halves', () => {
    const assembler = configured();
    assembler.text(UPDATE_TEXT);
    expect(assembler.text('{"type":"weather"}')).toBeNull();
    const error = { type: 'error', code: 'bad_seek', message: 'no' };
    expect(assembler.text(JSON.stringify(error))).toEqual(error);
    expect(assembler.binary(GRID_BYTES).update.bin_seq).toBe(0);
  });

  it('refuses bins before the config', () => {
    expect(() => new Assembler().text(UPDATE_TEXT)).toThrow('before runtime_config');
  });
});
