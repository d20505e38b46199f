/**
 * What the page costs: script time a frame while it follows and while it is dragged, its weight, the first picture, the
 * first without a hole, and its memory. Prints tables and at last one line of JSON; it judges nothing.
 *
 *   npx tsx e2e/bench/page.ts [--pages dist] [--runs 5] [--seconds 12] [--minutes 10] [--url URL]
 *
 * --seconds 0 leaves the script time out.
 *
 * Without --url it measures against a server of its own with an invented market: 10 bins a second, and 100 for the
 * memory. --minutes 0 leaves the memory out. The browser is the one named by CHROMIUM, else /usr/bin/chromium.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { FakeServer } from '../../tests/support/server';
import { launch } from '../lab';
import { BareBrowser } from './bare';
import { following, memory, opening, panning, weights, type FrameCost } from './measures';

const { values } = parseArgs({
  options: {
    pages: { type: 'string' },
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '12' },
    minutes: { type: 'string', default: '10' },
    url: { type: 'string' },
  },
});
const pages = values.pages ?? fileURLToPath(new URL('../../dist', import.meta.url));
const runs = Number(values.runs);
const ms = Number(values.seconds) * 1000;

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

async function repeated<T>(measure: () => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  for (let run = 0; run < runs; run += 1) found.push(await measure());
  return found;
}

function row(name: string, costs: readonly FrameCost[]): string {
  const middle = (of: (cost: FrameCost) => number): string => median(costs.map(of)).toFixed(1);
  const p99s = costs.map(({ processor }) => processor.p99);
  const numbers = [
    middle(({ processor }) => processor.p50),
    middle(({ processor }) => processor.p99),
    `${Math.min(...p99s).toFixed(1)} to ${Math.max(...p99s).toFixed(1)}`,
    middle(({ wall }) => wall.p50),
    middle(({ wall }) => wall.p99),
    median(costs.map(({ frames }) => frames)),
  ];
  return `| ${name} | ${numbers.join(' | ')} |`;
}

const server = new FakeServer({ pages, cycle: 1500, bins: 10_000_000 });
const own = `http://${await server.listen()}/?serving=demo&at=09:30:10`;
const url = values.url ?? own;
const browser = await launch();
const bare = await BareBrowser.launch();
try {
  const files = await weights(pages);
  const followed = ms > 0 ? await repeated(() => following(browser, url, ms)) : [];
  const panned = ms > 0 ? await repeated(() => panning(browser, url, ms)) : [];
  console.log(
    '| script a frame, ms | processor p50 | p99 | p99 of the runs | clock p50 | p99 | frames |',
  );
  console.log('| --- | ---: | ---: | --- | ---: | ---: | ---: |');
  if (ms > 0) console.log(`${row('following', followed)}\n${row('panning', panned)}`);
  const opened = await repeated(() => opening(bare, url));
  const waits = [
    ['first draw', opened.map(({ firstDraw }) => firstDraw)],
    ['whole map, from the first byte', opened.map(({ whole }) => whole)],
  ] as const;
  for (const [name, times] of waits)
    console.log(`${name}: ${median(times).toFixed(0)} ms (${times.map(Math.round).join(', ')})`);
  const gzipped = files.reduce((sum, file) => sum + file.gzipped, 0);
  console.log(`weight: ${(gzipped / 1000).toFixed(1)} KB with gzip, in ${files.length} files`);
  const minutes = Number(values.minutes);
  if (minutes > 0) {
    server.slowTo(100);
    console.log(
      '\n| minute | bins | script heap, MB | process, MB |\n| ---: | ---: | ---: | ---: |',
    );
  }
  const kept = await memory(browser, url, minutes, (at) => {
    const sizes = `${at.heapMb.toFixed(1)} | ${at.processMb.toFixed(0)}`;
    console.log(`| ${at.minute} | ${at.bins} | ${sizes} |`);
  });
  console.log(
    JSON.stringify({
      following: followed,
      panning: panned,
      opened,
      gzipped,
      memory: kept,
    }),
  );
} finally {
  await browser.close();
  await bare.close();
  await server.close();
}
