/** What the research page shows and does, over a server with one experiment whose best run is served. */
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { Page } from 'playwright-core';

import type { RunList, TradeList } from '../../src/wire/generated/rest';
import { holds, same } from '../lab';

const AXE = createRequire(import.meta.url).resolve('axe-core');

export interface Desk {
  page: Page;
  /** Of the server, without a slash at its end. */
  url: string;
  /** Where pictures go, if they are wanted. */
  shots: string | null;
}

export interface ResearchScenario {
  name: string;
  run: (desk: Desk) => Promise<void>;
}

interface Findings {
  violations: { id: string; nodes: { target: unknown[] }[] }[];
}

/** Opens a place of the page and waits until it is shown. */
export async function open({ page, url }: Desk, query: string): Promise<void> {
  await page.goto(`${url}/experiments.html${query}`);
  await shown(page);
}

/** Waits until what was asked for is there. */
export async function shown(page: Page): Promise<void> {
  await page.waitForSelector('#view[aria-busy=false]');
}

async function shot({ page, shots }: Desk, name: string): Promise<void> {
  if (shots === null) return;
  await mkdir(shots, { recursive: true });
  await writeFile(
    join(shots, `${name}.png`),
    await page.screenshot({ fullPage: true, clip: await top(page) }),
  );
}

/** The page as far as a picture of it is of use. */
async function top(page: Page): Promise<{ x: number; y: number; width: number; height: number }> {
  const { width, height } = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
  }));
  return { x: 0, y: 0, width, height: Math.min(height, 1500) };
}

/** The runs as the server tells them. */
export async function runs({ page, url }: Desk, query = ''): Promise<RunList> {
  const answer = await page.request.get(`${url}/v1/experiments/runs?min_signals=0${query}`);
  return (await answer.json()) as RunList;
}

/** Adds axe-core by the debugger, which the page's content security policy does not hold back. */
export async function accessible({ page }: Desk): Promise<void> {
  const { readFile } = await import('node:fs/promises');
  await page.evaluate(await readFile(AXE, 'utf8'));
  const { violations } = await page.evaluate(async () =>
    (window as unknown as { axe: { run: () => Promise<Findings> } }).axe.run(),
  );
  const said = violations.map(({ id, nodes }) => `${id} at ${String(nodes[0]?.target[0])}`);
  holds(said.length === 0, `axe-core finds ${said.join(', ')}`);
}

/** The texts of a column of the first table, from the top. */
async function column(page: Page, place: number): Promise<string[]> {
  return page.locator(`tbody tr td:nth-child(${place})`).allInnerTexts();
}

/** A number as the page writes it; NaN where there is none. */
function numberIn(text: string): number {
  return Number.parseFloat(text.replace('−', '-'));
}

/** Seconds between two times of day. */
function secondsApart(a: string, b: string): number {
  const [first = 0, second = 0] = [a, b].map((text) =>
    text.split(':').reduce((sum, part) => 60 * sum + Number.parseFloat(part), 0),
  );
  return Math.abs(first - second);
}

export const RESEARCH: readonly ResearchScenario[] = [
  {
    name: 'the live page leads to the runs, and back',
    async run(desk) {
      const { page, url } = desk;
      await page.goto(`${url}/?serving=small`);
      await page.click('a.to-research');
      await shown(page);
      same(await page.innerText('h2'), 'Runs', 'the heading');
      await page.click('a.to-map');
      await page.waitForSelector('#heat');
      const opened = page.context().waitForEvent('page');
      await page.click('#evidence-report');
      const report = await opened;
      await shown(report);
      const verdict = await report.innerText('.judged b');
      same(verdict, await page.innerText('#evidence-verdict'), 'the verdict of the report');
      await report.close();
    },
  },
  {
    name: 'runs: filters, order and pages are in the address',
    async run(desk) {
      const { page } = desk;
      await open(desk, '?view=runs&min_signals=0');
      const every = await runs(desk, '&sort=statistic');
      same(await page.locator('tbody tr').count(), every.runs.length, 'the rows');
      await accessible(desk);
      await shot(desk, 'research-runs');
      await page.click('th a:text-is("Threshold")');
      await page.waitForURL(/sort=threshold&order=descending/);
      await page.waitForSelector('th[aria-sort=descending] a:text-is("Threshold")');
      await page.click('th a:text-is("Threshold")');
      await page.waitForURL(/order=ascending/);
      await page.waitForSelector('th[aria-sort=ascending]');
      const sorted = (await column(page, 3)).map(Number);
      same(
        sorted,
        sorted.toSorted((a, b) => a - b),
        'the thresholds',
      );
      await page.selectOption('#filter-verdict', 'proven');
      await page.waitForURL(/verdict=proven/);
      const proven = await runs(desk, '&verdict=proven');
      await page.waitForFunction(
        (total) => document.querySelector('#shown')?.textContent.endsWith(`of ${total}`),
        proven.total,
      );
      await page.reload();
      await shown(page);
      same(await page.inputValue('#filter-verdict'), 'proven', 'the filter after a reload');
      await page.goBack();
      await page.waitForFunction(
        (total) => document.querySelector('#shown')?.textContent.endsWith(`of ${total}`),
        every.total,
      );
      same(await page.inputValue('#filter-verdict'), '', 'the filter after going back');
    },
  },
  {
    name: 'a run: every figure with its unit, and a trade leads to its moment on the map',
    async run(desk) {
      const { page, url } = desk;
      const served = (await runs(desk)).runs.find(({ alias }) => alias !== null);
      if (served === undefined) throw new Error('no run is served');
      await open(desk, `?view=run&run=${served.run_id}&threshold=${served.threshold}`);
      same(await page.innerText('.judged b'), served.verdict, 'the verdict');
      const figures = await page.locator('figure h3').allInnerTexts();
      for (const wanted of ['Choose against confirm', 'Information by horizon', 'Equity']) {
        holds(figures.includes(wanted), `no figure "${wanted}" among ${figures.join(', ')}`);
      }
      same(
        await page.locator('figure figcaption').count(),
        figures.length,
        'the sentences of figures',
      );
      await accessible(desk);
      await shot(desk, 'research-run');
      await page.click('#trades th a:text-is("Net, ticks")');
      await page.waitForSelector('#trades th[aria-sort=descending]');
      const pnl = (await page.locator('#trades tbody tr td:nth-child(8)').allInnerTexts()).map(
        numberIn,
      );
      const known = pnl.filter((value) => !Number.isNaN(value));
      same(
        known,
        known.toSorted((a, b) => b - a),
        'the net pnl of the trades',
      );
      const moment = page.locator('#trades a.moment').first();
      const time = (await moment.innerText()).slice(0, 8);
      await moment.click();
      await page.waitForFunction(() => '__vp' in window && window.__vp.binSeq >= 0);
      const at = new URL(page.url()).searchParams.get('at') ?? '';
      holds(
        page.url().startsWith(`${url}/vacuum-pressure.html?serving=`),
        `it led to ${page.url()}`,
      );
      await page.waitForFunction(() =>
        document.querySelector('#bin-clock')?.textContent.startsWith('09:'),
      );
      const clock = await page.innerText('#bin-clock');
      holds(
        secondsApart(clock, time) < 2,
        `the map is at ${clock} (${at}), the trade was at ${time}`,
      );
    },
  },
  {
    name: "from an empty browser to a run's best trade on the map in two clicks",
    async run(desk) {
      const { url } = desk;
      const browser = desk.page.context().browser();
      if (browser === null) throw new Error('the page has no browser');
      const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(15_000);
        await page.goto(`${url}/experiments.html`);
        await shown(page);
        await page.click('tbody tr:first-child td:nth-child(2) a');
        const best = page.locator('a.best');
        const words = await best.innerText();
        const [run, threshold] = ['run', 'threshold'].map((name) =>
          new URL(page.url()).searchParams.get(name),
        );
        const query = `threshold=${threshold ?? ''}&sort=cross_pnl_ticks&order=descending&count=1`;
        const told = await page.request.get(
          `${url}/v1/experiments/runs/${run ?? ''}/trades?${query}`,
        );
        const { trades } = (await told.json()) as TradeList;
        const gained = trades[0]?.cross?.pnl_ticks;
        same(numberIn(words.split(', ')[1] ?? ''), Number(gained?.toFixed(2)), `of "${words}"`);
        await best.click();
        await page.waitForFunction(
          () => '__vp' in window && window.__vp.view !== null && window.__vp.missing === 0,
        );
        const time = /at (\d\d:\d\d:\d\d)/.exec(words)?.[1] ?? '';
        await page.waitForFunction(() =>
          /^\d\d:\d\d/.test(document.querySelector('#bin-clock')?.textContent ?? ''),
        );
        const clock = await page.innerText('#bin-clock');
        holds(secondsApart(clock, time) < 2, `the map is at ${clock}, the trade was at ${time}`);
      } finally {
        await context.close();
      }
    },
  },
  {
    name: 'two runs side by side, differences first',
    async run(desk) {
      const { page } = desk;
      const [a, b] = (await runs(desk)).runs;
      if (a === undefined || b === undefined) throw new Error('there are not two runs');
      await open(desk, '?view=runs&min_signals=0');
      await page.check(`#pick-${a.run_id}`);
      await page.waitForURL(/pick=/);
      await page.check(`#pick-${b.run_id}`);
      await page.click('a:text-is("Compare the two picked runs")');
      await page.waitForSelector('.sides');
      const first = page.locator('.sides').first();
      const names = await first
        .locator('table')
        .first()
        .locator('tbody td:nth-child(1)')
        .allInnerTexts();
      holds(names.length > 0, 'the runs do not differ');
      const cells = first.locator('table').first().locator('tbody tr');
      for (const cell of await cells.all()) {
        const [, left, right] = await cell.locator('td').allInnerTexts();
        holds(left !== right, `${left ?? ''} is on both sides`);
      }
      await accessible(desk);
      await shot(desk, 'research-compare');
    },
  },
  {
    name: 'datasets: state, certificate and lineage',
    async run(desk) {
      const { page } = desk;
      await open(desk, '?view=datasets');
      same(await page.locator('tbody .state').first().innerText(), 'whole', 'the state');
      await accessible(desk);
      await page.click('tbody a');
      await page.waitForSelector('caption:text-is("Certificate of the replay")');
      same(await page.innerText('.judged b'), 'Sound', 'the certificate');
      await accessible(desk);
      await shot(desk, 'research-dataset');
    },
  },
  {
    name: 'promote with a reason below the evidence, see what it changed, roll back',
    async run(desk) {
      const { page } = desk;
      const found = (await runs(desk)).runs;
      const [served, other] = [
        found.find(({ alias }) => alias !== null),
        found.find(({ alias }) => alias === null),
      ];
      if (served?.alias === undefined || served.alias === null || other === undefined) {
        throw new Error('not one run is served and another not');
      }
      await open(desk, `?view=run&run=${other.run_id}&threshold=${other.threshold}`);
      const button = page.locator('#promotion button.act');
      await page.fill('#promotion [name=alias]', served.alias);
      await page.fill('#promotion [name=reason]', 'looked at its evidence');
      if (other.verdict !== 'proven') {
        holds(await button.isDisabled(), 'an unproven run can be promoted without accepting that');
        await page.check('#promotion [name=accept_unproven]');
      }
      await page.locator('#promotion').scrollIntoViewIfNeeded();
      await accessible(desk);
      await button.click();
      await page.waitForSelector('.notice-line');
      holds(
        (await page.innerText('.notice-line')).startsWith(`${served.alias} now serves`),
        'no word of the promotion',
      );
      await open(desk, `?view=servings&alias=${served.alias}`);
      await page.click('a:text-is("What the rollback would change")');
      await page.waitForSelector('.sides');
      await accessible(desk);
      await shot(desk, 'research-servings');
      holds(
        (await page.locator('.sides').first().locator('table tbody tr').count()) > 0,
        'the servings do not differ',
      );
      await page.fill('#history [name=reason]', 'it was better before');
      await page.click('#history button.act');
      await page.waitForSelector('.notice-line');
      const kinds = await page.locator('#history tbody td:nth-child(2)').allInnerTexts();
      same(kinds[0], 'rollback', 'the newest change');
      const after = (await runs(desk)).runs.find(({ alias }) => alias === served.alias);
      same(after?.run_id, served.run_id, 'the run that is served after the rollback');
    },
  },
  {
    name: 'start an experiment from its YAML, close the page, find it done',
    async run(desk) {
      const { page } = desk;
      await open(desk, '?view=start');
      const yaml = await page.inputValue('#yaml');
      holds(yaml.includes('sweep:'), `the spec is "${yaml.slice(0, 80)}"`);
      await page.fill('#yaml', 'name: [');
      await page.click('#start');
      await page.waitForFunction(
        () => document.querySelector('.demand .answer')?.textContent !== '',
      );
      const said = await page.innerText('.demand .answer');
      holds(said.includes('experiment.yaml'), `the page says "${said}"`);
      await page.fill('#yaml', yaml);
      await page.click('#start');
      await page.waitForSelector('#started[data-state=running]');
      await accessible(desk);
      await shot(desk, 'research-start');
      await open(desk, '?view=runs');
      await open(desk, '?view=start');
      await page.waitForSelector('#started[data-state=done]', { timeout: 60_000 });
      await page.click('#started a');
      await page.waitForURL(/view=runs/);
    },
  },
  {
    name: 'a trade of a run that nothing serves leads to a preview of its dataset, marked as one',
    async run(desk) {
      const { page } = desk;
      const other = (await runs(desk)).runs.find(({ alias }) => alias === null);
      if (other === undefined) throw new Error('every run is served');
      await open(desk, `?view=run&run=${other.run_id}&threshold=${other.threshold}`);
      const moment = page.locator('#trades a.moment').first();
      const time = (await moment.innerText()).slice(0, 8);
      await moment.click();
      await page.waitForFunction(() =>
        document.querySelector('#bin-clock')?.textContent.startsWith('09:'),
      );
      const clock = await page.innerText('#bin-clock');
      holds(secondsApart(clock, time) < 2, `the map is at ${clock}, the trade was at ${time}`);
      same(
        await page.inputValue('#serving'),
        `preview:${other.dataset_id}`,
        'the name in the header',
      );
      same(
        await page.innerText('#serving-id'),
        `preview_${other.dataset_id}`,
        'the id in the panel',
      );
      await shot(desk, 'research-preview');
    },
  },
  {
    name: 'what the server refuses is said in its words',
    async run(desk) {
      await open(desk, '?view=runs&sort=luck');
      const said = await desk.page.innerText('[role=alert]');
      holds(said.includes("sort='luck': must be one of "), `the page says "${said}"`);
    },
  },
];
