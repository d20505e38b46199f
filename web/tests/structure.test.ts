import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

const MOST_LINES = 400;
const ROOT = new URL('../', import.meta.url).pathname;

/** Every module of a folder that was written by hand. */
function modules(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('generated'))
    .map((name) => join(folder, name));
}

describe('modules', () => {
  it('are short enough to be read', () => {
    const long = ['src', 'e2e', 'vite-plugins', 'tests']
      .flatMap(modules)
      .filter((name) => readFileSync(join(ROOT, name), 'utf8').split('\n').length > MOST_LINES + 1);
    expect(long).toEqual([]);
  });
});
