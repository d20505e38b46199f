/** Makes the types of REST answers from docs/openapi.json; `npm run types` writes them. */
import { readFileSync } from 'node:fs';

import { compile } from 'json-schema-to-typescript';

export const REST_TYPES_FILE = new URL('../src/wire/generated/rest.ts', import.meta.url);

const DOCUMENT = new URL('../../docs/openapi.json', import.meta.url);
const BANNER = '/* Made by `npm run types` from docs/openapi.json. Edits are lost. */';
const PREFIX = '#/components/schemas/';

interface OpenApi {
  components: { schemas: Record<string, object> };
}

/** The text of the generated file: a type for every schema of the document, by its name. */
export async function restTypes(): Promise<string> {
  const { components } = JSON.parse(readFileSync(DOCUMENT, 'utf8'), asDefinitions) as OpenApi;
  const names = Object.keys(components.schemas);
  const schema = {
    title: 'RestAnswers',
    description: 'Every answer by its name.',
    type: 'object' as const,
    properties: Object.fromEntries(names.map((name) => [name, { $ref: `#/definitions/${name}` }])),
    required: names,
    definitions: components.schemas,
  };
  return compile(schema, 'RestAnswers', {
    additionalProperties: false,
    bannerComment: BANNER,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 100 },
  });
}

/** References as the generator follows them; an object of which nothing is said may hold anything. */
function asDefinitions(key: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'object') {
    return 'properties' in value ? value : { additionalProperties: true, ...value };
  }
  return key === '$ref' && typeof value === 'string' && value.startsWith(PREFIX)
    ? `#/definitions/${value.slice(PREFIX.length)}`
    : value;
}
