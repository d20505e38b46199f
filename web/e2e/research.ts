/**
 * Tests of the research page in a real browser, over a real server.
 *
 *   npx tsx e2e/research.ts --url http://127.0.0.1:8002 [--only WORDS] [--shots FOLDER]
 *
 * Prints a line for each test and at last one line of JSON; the exit code is 0 when everything holds. They come one
 * after the other on one page, because some change what is served. With `--shots` the pictures of the documents are
 * written there.
 */
import { parseArgs } from 'node:util';

import { launch } from './lab';
import { RESEARCH } from './scenarios/research';
import { RESEARCH_LOOKS } from './scenarios/researchlooks';
import { RESEARCH_STOP } from './scenarios/researchstop';

const PATIENCE_MS = 15_000;

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8002' },
    only: { type: 'string', default: '' },
    shots: { type: 'string' },
  },
});
const url = values.url.replace(/\/$/, '');
const failed: { name: string; problem: string }[] = [];
let tests = 0;

const browser = await launch();
try {
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    bypassCSP: false,
  });
  for (const { name, run } of [...RESEARCH, ...RESEARCH_LOOKS, ...RESEARCH_STOP]) {
    if (!name.includes(values.only)) continue;
    tests += 1;
    const startedMs = performance.now();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text()))
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    let problem: string | null = null;
    try {
      await run({ page, url, shots: values.shots ?? null });
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (complaints.length > 0) problem = [problem ?? '', ...complaints].join('; ');
    if (problem !== null) failed.push({ name, problem });
    console.log(`${problem ?? 'ok'} · ${name} · ${Math.round(performance.now() - startedMs)} ms`);
    await page.close();
  }
} finally {
  await browser.close();
}

console.log(JSON.stringify({ tests, failed }));
process.exitCode = failed.length === 0 && tests > 0 ? 0 : 1;
