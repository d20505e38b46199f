import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { REST_TYPES_FILE, restTypes } from '../../scripts/restTypes';
import { contractTypes, TYPES_FILE } from '../../scripts/types';
import { goldenText } from '../support/golden';

const require = createRequire(import.meta.url);

interface AsyncApi {
  components: {
    messages: Record<string, { payload: { $ref: string }; examples?: { payload: unknown }[] }>;
    schemas: Record<string, object>;
  };
}

function readJson(file: URL | string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

const DOCUMENT = readJson(new URL('../../../docs/asyncapi.json', import.meta.url)) as AsyncApi;
/** Unknown words of a schema ("x-…") are no errors, and formats are for people. */
const LENIENT = { strict: false, validateFormats: false } as const;

describe('generated types', () => {
  it('are what the JSON Schema of vp_contract gives', async () => {
    const committed = readFileSync(TYPES_FILE, 'utf8');
    expect(committed, 'stale: run `npm run types`').toBe(await contractTypes());
  });

  it('are what the OpenAPI document gives', async () => {
    const committed = readFileSync(REST_TYPES_FILE, 'utf8');
    expect(committed, 'stale: run `npm run types`').toBe(await restTypes());
  });
});

describe('the JSON Schema', () => {
  const schema = JSON.parse(goldenText('messages.schema.json')) as object;
  const valid = new Ajv2020(LENIENT).compile(schema);

  it.each([
    ...['runtime_config', 'stream_end', 'error', 'history_end', 'speed', 'history'],
    ...['pause', 'resume', 'seek', 'ack', 'follow'],
    ...['busy.update', 'empty.update', 'extreme.update', 'newer.runtime_config', 'newer.update'],
  ])('holds for the golden bytes of %s', (name) => {
    valid(JSON.parse(goldenText(`${name}.json`)));
    expect(valid.errors).toBeNull();
  });

  it('does not hold for what is no message', () => {
    expect(valid(JSON.parse(goldenText('newer.message.json')))).toBe(false);
    expect(valid({ type: 'seek', bin_seq: -1 })).toBe(false);
    expect(valid({ ...(JSON.parse(goldenText('busy.update.json')) as object), ts_ns: 5 })).toBe(
      false,
    );
  });
});

describe('the AsyncAPI document', () => {
  it('is one by the official JSON Schema of AsyncAPI 3.0', () => {
    const official = readJson(require.resolve('@asyncapi/specs/schemas/3.0.0.json')) as object;
    // It carries draft 07 itself, which must not be there twice.
    const valid = new Ajv({ ...LENIENT, meta: false, validateSchema: false }).compile(official);
    valid(DOCUMENT);
    expect(valid.errors).toBeNull();
    expect(valid({ ...DOCUMENT, asyncapi: '2.6.0' })).toBe(false);
    expect(valid({ ...DOCUMENT, operations: { x: { action: 'shout' } } })).toBe(false);
  });

  it('has an example of every JSON message that its own schema holds for', () => {
    const ajv = new Ajv(LENIENT);
    ajv.addSchema({ ...DOCUMENT, $id: 'document' });
    const names = Object.keys(DOCUMENT.components.messages).filter((name) => name !== 'Grid');
    expect(names).toHaveLength(13);
    for (const name of names) {
      const message = DOCUMENT.components.messages[name];
      const valid = ajv.compile({ $ref: `document${message?.payload.$ref ?? ''}` });
      valid(message?.examples?.[0]?.payload);
      expect(valid.errors, name).toBeNull();
    }
  });
});
