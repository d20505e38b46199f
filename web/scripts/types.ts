/**
 * Makes the page's types and constants from the JSON Schema of vp_contract, and those of REST answers (`restTypes.ts`).
 *
 *   npm run types
 *
 * A test fails when the committed file is not what this makes. `vite-plugins/validators.ts` makes the readers of
 * messages from the same schema while the page is built.
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { compile } from 'json-schema-to-typescript';

import { REST_TYPES_FILE, restTypes } from './restTypes.ts';
import { SCHEMA_FILE } from '../vite-plugins/validators.ts';

export const TYPES_FILE = new URL('../src/wire/generated/contract.ts', import.meta.url);

const BANNER = '/* Made by `npm run types` from the JSON Schema of vp_contract. Edits are lost. */';

interface StreamSchema {
  version: string;
  'x-stream-path': string;
  'x-preview-path': string;
  'x-close-codes': Record<string, number>;
  'x-grid-columns': string[];
}

/** The text of the generated file. */
export async function contractTypes(): Promise<string> {
  const text = readFileSync(SCHEMA_FILE, 'utf8');
  const {
    version,
    'x-stream-path': path,
    'x-preview-path': preview,
    'x-close-codes': codes,
    'x-grid-columns': columns,
  } = JSON.parse(text) as StreamSchema;
  const types = await compile(JSON.parse(text, tuplesAsItems) as object, 'WireMessage', {
    additionalProperties: false,
    bannerComment: BANNER,
    // Lengths of lists are for validators; as types they become unions of every length.
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 100 },
  });
  const members = Object.entries(codes).map(([name, code]) => `  ${name}: ${code},\n`);
  return `${types}
/** Contract version of these types, major.minor. */
export const CONTRACT_VERSION = '${version}';

/** WebSocket close codes of the server, by what they mean. */
export const CLOSE = {
${members.join('')}} as const;

/** Where the stream is on its server. */
export const STREAM_PATH = '${path}';

/** Where datasets that nobody promoted are. */
export const PREVIEW_PATH = '${preview}';

/** Columns of every grid; a \`proj_<ms>\` per horizon comes after them. */
export type GridColumn =
${columns.map((name) => `  | '${name}'\n`).join('')}  ;
`;
}

/** The generator knows tuples as draft 07 writes them; the schema is of 2020-12. */
function tuplesAsItems(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('prefixItems' in value)) return value;
  const { prefixItems: items, ...rest } = value;
  return { ...rest, items, additionalItems: false };
}

if (realpathSync(process.argv[1] ?? '') === realpathSync(fileURLToPath(import.meta.url))) {
  writeFileSync(TYPES_FILE, await contractTypes());
  writeFileSync(REST_TYPES_FILE, await restTypes());
}
