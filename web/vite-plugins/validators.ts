import { readFileSync } from 'node:fs';

import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import type { Plugin } from 'vite';

export const SCHEMA_FILE = new URL(
  '../../tests/vp_contract/golden/messages.schema.json',
  import.meta.url,
);

/** What is imported; `src/wire/validators.d.ts` says what it holds. */
const MODULE = 'virtual:message-validators';

/**
 * What the page reads of the resolved config. The rest is not checked: a server of a newer minor version may allow
 * more there, and a page that does not look at it has no reason to refuse it.
 */
const READ_OF_CONFIG = [
  'symbol',
  'tick_size',
  'price_decimals',
  'grid_radius_ticks',
  'cell_width_ms',
  'bucket_size_dollars',
  'dt',
  'start_time',
  'end_time',
];

interface ObjectSchema {
  properties: Record<string, { enum?: string[] }>;
  required: string[];
}

interface MessageSchemas {
  $defs: Record<string, ObjectSchema> & { ServerMessage: { oneOf: { $ref: string }[] } };
}

/**
 * Compiles the JSON Schema of vp_contract to code, so that the page checks messages by the schema itself and, under its
 * content security policy, without making functions from text.
 */
export function messageValidators(): Plugin {
  return {
    name: 'message-validators',
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : null),
    load(id) {
      if (id !== `\0${MODULE}`) return null;
      this.addWatchFile(SCHEMA_FILE.pathname);
      return validatorsModule();
    },
  };
}

/**
 * One function per message of the server, by its `type`. They set the defaults of members that were left out, and
 * remove those that are not known.
 */
function validatorsModule(): string {
  const schema = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'), onlyRules) as MessageSchemas;
  const config = schema.$defs.RuntimeConfig;
  if (config === undefined) throw new Error('the schema has no RuntimeConfig');
  config.properties = Object.fromEntries(
    Object.entries(config.properties).filter(([name]) => READ_OF_CONFIG.includes(name)),
  );
  config.required = config.required.filter((name) => READ_OF_CONFIG.includes(name));
  const ajv = new Ajv2020({
    strict: false,
    useDefaults: true,
    removeAdditional: true,
    code: { source: true, esm: true },
  });
  ajv.addSchema(schema, 'stream');
  const references = schema.$defs.ServerMessage.oneOf.map(({ $ref }) => {
    const type = schema.$defs[$ref.slice('#/$defs/'.length)]?.properties.type?.enum?.[0];
    if (type === undefined) throw new Error(`${$ref} has no type`);
    return [type, `stream${$ref}`];
  });
  const code = standaloneCode(ajv, Object.fromEntries(references) as Record<string, string>);
  if (code.includes('require(')) throw new Error('the validators need a library at run time');
  return code;
}

/**
 * Texts for people are dropped, and limits of length: they protect a server, and need a library in the page. Members
 * that the schema does not name are removed from messages.
 */
function onlyRules(key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) {
    return ['title', 'description', 'maxLength'].includes(key) ? undefined : value;
  }
  const isObject = 'properties' in value && 'type' in value && value.type === 'object';
  return isObject ? { ...value, additionalProperties: false } : value;
}
