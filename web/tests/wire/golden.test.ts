import { readFileSync } from 'node:fs';

import { tableFromIPC } from '@uwdata/flechette';
import { describe, expect, it } from 'vitest';

import { Assembler } from '../../src/wire/assembler';
import { CELL_FIELDS, cellLayout } from '../../src/wire/cells';
import { decodeCells } from '../../src/wire/decode';
import { parseServerMessage } from '../../src/wire/messages';

const GOLDEN = new URL('../../../tests/vp_contract/golden/', import.meta.url);

function text(name: string): string {
  return readFileSync(new URL(name, GOLDEN), 'utf8');
}

interface Schema {
  $defs: Record<string, { properties: Record<string, unknown> }>;
}

/** Names of the fields a message has in the JSON Schema that vp_contract generates. */
function schemaFields(definition: string): string[] {
  const schema = JSON.parse(text('messages.schema.json')) as Schema;
  return Object.keys(schema.$defs[definition]?.properties ?? {}).sort();
}

describe('golden wire files of vp_contract', () => {
  it('reads the runtime config', () => {
    const message = parseServerMessage(text('runtime_config.json'));
    expect(message).toMatchObject({
      type: 'runtime_config',
      config: { symbol: 'SYNM6', tick_size: '0.25', bucket_size_dollars: null },
      grid_rows: 9,
      serving: { alias: 'golden' },
    });
  });

  it('keeps every field of a grid update as it was sent', () => {
    const sent = JSON.parse(text('grid_update.json')) as unknown;
    expect(parseServerMessage(text('grid_update.json'))).toEqual(sent);
  });

  it.each([
    ['GridUpdate', 'grid_update.json', (message: object) => message],
    [
      'SignalUpdate',
      'grid_update.json',
      (message: object) => (message as { signal: object }).signal,
    ],
    ['RuntimeConfigMessage', 'runtime_config.json', (message: object) => message],
    [
      'ServingInfo',
      'runtime_config.json',
      (message: object) => (message as { serving: object }).serving,
    ],
  ])('has the fields of %s in the JSON schema, no more and no fewer', (definition, file, part) => {
    const message = parseServerMessage(text(file));
    if (message === null) throw new Error(`${file} is of an unknown type`);
    expect(Object.keys(part(message)).sort()).toEqual(schemaFields(definition));
  });

  it('decodes the grid to the values of its Arrow columns', () => {
    const bytes = new Uint8Array(readFileSync(new URL('grid.arrow', GOLDEN)));
    const table = tableFromIPC(bytes);
    const layout = cellLayout(table.names, 9);
    const packed = decodeCells(bytes, layout);
    expect(layout.columns.slice(CELL_FIELDS.length)).toEqual(['proj_500', 'proj_1000']);
    layout.columns.forEach((name, index) => {
      const column = [...table.getChild(name)].map(Number);
      expect([...packed.subarray(index * 9, index * 9 + 9)], name).toEqual(column);
    });
  });

  it('assembles a bin from the three messages', () => {
    const assembler = new Assembler();
    assembler.text(text('runtime_config.json'));
    expect(assembler.text(text('grid_update.json'))).toBeNull();
    const bin = assembler.binary(new Uint8Array(readFileSync(new URL('grid.arrow', GOLDEN))));
    expect(bin.update.bin_seq).toBe(6000);
    expect(bin.cells.every(Number.isFinite)).toBe(true);
  });
});
