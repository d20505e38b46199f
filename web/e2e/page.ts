/**
 * Tests of the page in a real browser, over a server that speaks the real protocol.
 *
 *   npx tsx e2e/page.ts [--pages dist] [--only WORDS]
 *
 * Prints a line for each test and at last one line of JSON; the exit code is 0 when everything holds. The browser is
 * the one named by CHROMIUM, else /usr/bin/chromium.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { launch, perform, type Finding } from './lab';
import { ACCESS } from './scenarios/access';
import { ALERTS } from './scenarios/alerts';
import { BESIDE } from './scenarios/beside';
import { CONTROLS } from './scenarios/controls';
import { COST } from './scenarios/cost';
import { FRESHNESS } from './scenarios/freshness';
import { HANDS } from './scenarios/hands';
import { HARDSHIP } from './scenarios/hardship';
import { LOOKS } from './scenarios/looks';
import { PANES } from './scenarios/panes';
import { MARKS } from './scenarios/marks';
import { PIXELS } from './scenarios/pixels';
import { READS } from './scenarios/reads';
import { SESSION } from './scenarios/session';
import { TOOLS } from './scenarios/tools';
import { WHOLE } from './scenarios/whole';
import { ZOOM } from './scenarios/zoom';

const AT_ONCE = 2;

const { values } = parseArgs({
  options: { pages: { type: 'string' }, only: { type: 'string', default: '' } },
});
const pages = values.pages ?? fileURLToPath(new URL('../dist', import.meta.url));
const waiting = [
  ...FRESHNESS,
  ...WHOLE,
  ...SESSION,
  ...READS,
  ...PIXELS,
  ...HANDS,
  ...ZOOM,
  ...BESIDE,
  ...CONTROLS,
  ...ALERTS,
  ...MARKS,
  ...TOOLS,
  ...PANES,
  ...LOOKS,
  ...COST,
  ...HARDSHIP,
  ...ACCESS,
].filter(({ name }) => name.includes(values.only));
const findings: Finding[] = [];

const browser = await launch();
try {
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const finding = await perform(browser, pages, next);
      findings.push(finding);
      console.log(`${finding.problem ?? 'ok'} · ${finding.name} · ${finding.ms} ms`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
} finally {
  await browser.close();
}

const failed = findings.filter(({ problem }) => problem !== null);
console.log(JSON.stringify({ tests: findings.length, failed }));
process.exitCode = failed.length === 0 && findings.length > 0 ? 0 : 1;
