import { readFileSync } from 'node:fs';

import type { GridUpdate } from '../../src/wire/types';

const GOLDEN = new URL('../../../tests/vp_contract/golden/', import.meta.url);

export function goldenText(name: string): string {
  return readFileSync(new URL(name, GOLDEN), 'utf8');
}

export function goldenBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, GOLDEN)));
}

/** What a golden frame decodes to: int64 columns are decimal strings. */
export interface ExpectedFrame {
  update: GridUpdate;
  columns: Record<string, (number | string)[]>;
}

const EXPECTED = JSON.parse(goldenText('expected.json')) as Record<string, unknown>;

export function expectedMessage(name: string): object {
  return EXPECTED[name] as object;
}

export function expectedFrame(name: string): ExpectedFrame {
  return EXPECTED[name] as ExpectedFrame;
}
