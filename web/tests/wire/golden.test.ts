import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Assembler } from '../../src/wire/assembler';
import { CELL_FIELDS, NEWER_FIELDS, cellLayout } from '../../src/wire/cells';
import { decodeCells } from '../../src/wire/decode';
import { ContractVersionError } from '../../src/wire/errors';
import { parseServerMessage } from '../../src/wire/messages';
import type { ClientMessage } from '../../src/wire/types';
import { expectedFrame, expectedMessage, goldenBytes, goldenText } from '../support/golden';

const FRAMES = ['busy', 'empty', 'extreme'];

/** The packed cells that a golden frame must decode to, bit for bit. */
function expectedCells(name: string): Float64Array {
  const { columns } = expectedFrame(name);
  const layout = cellLayout(Object.keys(columns), columns.k?.length ?? 0);
  return Float64Array.from(layout.columns.flatMap((column) => (columns[column] ?? []).map(Number)));
}

function configured(config = 'runtime_config.json'): Assembler {
  const assembler = new Assembler();
  assembler.text(goldenText(config));
  return assembler;
}

describe('golden wire files of vp_contract', () => {
  it('reads of the runtime config what the page needs, as it was sent', () => {
    const message = parseServerMessage(goldenText('runtime_config.json'));
    expect(expectedMessage('runtime_config.json')).toMatchObject(message as object);
    expect(message).toMatchObject({ grid_rows: 101, config: { bucket_size_dollars: null } });
  });

  it.each(['stream_end.json', 'error.json'])('reads %s', (name) => {
    expect(parseServerMessage(goldenText(name))).toEqual(expectedMessage(name));
  });

  it.each(FRAMES)('decodes the %s frame to the values it was made of', (name) => {
    const assembler = configured();
    expect(assembler.text(goldenText(`${name}.update.json`))).toBeNull();
    const { update, cells } = assembler.binary(goldenBytes(`${name}.arrow`));
    expect(update).toEqual(expectedFrame(name).update);
    expect(new BigUint64Array(cells.buffer)).toEqual(
      new BigUint64Array(expectedCells(name).buffer),
    );
  });

  it('writes the bytes of client messages that the server expects', () => {
    const messages: ClientMessage[] = [
      { type: 'pause' },
      { type: 'resume' },
      { type: 'seek', bin_seq: Number.MAX_SAFE_INTEGER },
      { type: 'ack', bin_seq: 0 },
      { type: 'follow' },
    ];
    for (const message of messages) {
      expect(JSON.stringify(message)).toBe(goldenText(`${message.type}.json`));
    }
  });
});

describe('a server of another version', () => {
  it('is understood when only its minor version is newer', () => {
    const assembler = configured('newer.runtime_config.json');
    assembler.text(goldenText('newer.update.json'));
    const { update, cells } = assembler.binary(goldenBytes('newer.arrow'));
    expect(update).toEqual(expectedFrame('busy').update);
    expect(cells).toEqual(expectedCells('busy'));
  });

  it('may add any fields to a message, anywhere', () => {
    const names = ['busy.update.json', 'runtime_config.json', 'error.json', 'stream_end.json'];
    const extra = fc.dictionary(
      fc.string().map((name) => `later_${name}`),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), extra, extra, (name, before, after) => {
        const sent = JSON.parse(goldenText(name)) as object;
        const later = JSON.stringify({ ...before, ...sent, ...after });
        expect(parseServerMessage(later)).toEqual(parseServerMessage(goldenText(name)));
      }),
    );
  });

  it('may send messages this page does not know', () => {
    expect(parseServerMessage(goldenText('newer.message.json'))).toBeNull();
  });

  it('is refused when its major version is another', () => {
    const read = (): unknown => parseServerMessage(goldenText('other_major.runtime_config.json'));
    expect(read).toThrow(ContractVersionError);
    expect(read).toThrow(/speaks version "2.0" of the stream's contract, this page 1\.x/);
  });
});

it('packs the cell fields first, then the projections', () => {
  const { columns } = cellLayout(Object.keys(expectedFrame('busy').columns), 101);
  expect(columns).toEqual([...CELL_FIELDS, ...NEWER_FIELDS, 'proj_500', 'proj_1000']);
  const layout = { columns, rows: 101 };
  expect(decodeCells(goldenBytes('busy.arrow'), layout)).toEqual(expectedCells('busy'));
});
