/**
 * Takes the pictures of the pages that the documents show, of a server that runs.
 *
 *   vp demo --port 8002
 *   npm run pictures -- --url http://127.0.0.1:8002 [--serving demo] [--at 09:27:30] [--only WORDS] [--into ../docs/img]
 *
 * Most answer a question that a trader has, from the page alone. The moving ones need ffmpeg (a package of Debian and of
 * most others). With --real only those of a real session are taken, of a server that serves one:
 *
 *   npm run pictures -- --real --serving esh4 --at 18:01:20
 *
 * Those of the research page are made by its tests, e2e/research.ts --shots, those of reports by --report FILE.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import type { Browser, Page } from 'playwright-core';

import { Film, POINTER } from './film';
import { launch } from './lab';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8002' },
    serving: { type: 'string', default: 'demo' },
    at: { type: 'string', default: '09:27:30' },
    only: { type: 'string', default: '' },
    into: { type: 'string' },
    real: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
});
const folder = values.into ?? fileURLToPath(new URL('../../docs/img', import.meta.url));

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Picture {
  name: string;
  query: string;
  theme?: 'dark' | 'light';
  width?: number;
  height?: number;
  /** What is done before the picture is taken. */
  hands?: (page: Page) => Promise<void>;
  /** The part of the page that is shown, an element or what is found when the picture is taken; all of it else. */
  of?: string | ((page: Page) => Promise<Box>);
  /** Whether it is of a real session. */
  real?: boolean;
}

const PAUSED = '&paused=1';

/** A bin is still to be told what the bins in view hold; nothing is under way any more. */
async function whole(page: Page): Promise<void> {
  await page.waitForFunction(
    () => '__vp' in window && window.__vp.view !== null && window.__vp.missing === 0,
    undefined,
    { timeout: 60_000 },
  );
  await page.waitForTimeout(1500);
}

/** Puts the pointer at the newest bin in view, where its price is. */
async function pointAtNewest(page: Page): Promise<void> {
  const box = await page.locator('#chart').boundingBox();
  const { heat, ratio } = await page.evaluate(() => window.__vp.layout);
  if (box === null) throw new Error('the chart is not shown');
  await page.mouse.move(box.x + heat.right / ratio - 3, box.y + heat.bottom / ratio / 2);
  await page.waitForTimeout(600);
}

/** Seconds of a time of day. */
function secondsOf(text: string): number {
  return text.split(':').reduce((sum, part) => 60 * sum + Number.parseFloat(part), 0);
}

/** Puts the pointer at the newest mark in view that the card "Marks" tells of in such words. */
async function pointAtMark(page: Page, words: string): Promise<void> {
  const row = page.locator('#marks-list li', { hasText: words }).first();
  const [time, newest] = [await row.locator('time').innerText(), page.locator('#bin-clock')];
  const agoS = secondsOf(await newest.innerText()) - secondsOf(time);
  const box = await page.locator('#chart').boundingBox();
  const { layout, columnPx } = await page.evaluate(() => ({
    layout: window.__vp.layout,
    columnPx: window.__vp.view?.columnPx ?? 1,
  }));
  if (box === null) throw new Error('the chart is not shown');
  const x =
    box.x + layout.heat.right / layout.ratio - (agoS * 10 - 0.5) * (columnPx / layout.ratio);
  const [top, bottom] = [layout.heat.top, layout.heat.bottom].map((y) => box.y + y / layout.ratio);
  for (let y = top ?? 0; y < (bottom ?? 0); y += 3) {
    await page.mouse.move(x, y);
    await page.waitForTimeout(60);
    const read = await page.locator('#reading-fields .mark dd').innerText();
    if (read.includes(words)) return;
  }
  throw new Error(`no mark "${words}" at ${time}`);
}

/** What was traded and what rests, beside a part of the map. */
async function besideTheMap(page: Page): Promise<Box> {
  const box = await page.locator('#chart').boundingBox();
  const { ladder, priceAxis, ratio } = await page.evaluate(() => window.__vp.layout);
  if (box === null) throw new Error('the chart is not shown');
  const left = ladder.left / ratio - 420;
  return {
    x: box.x + left,
    y: box.y,
    width: priceAxis.right / ratio - left,
    height: ladder.bottom / ratio,
  };
}

const PICTURES: readonly Picture[] = [
  { name: 'demo', query: `&mode=force&zoom=4${PAUSED}` },
  { name: 'page-light', query: `&mode=depth&zoom=4${PAUSED}`, theme: 'light' },
  {
    name: 'page-charts',
    query: `&mode=depth&zoom=3${PAUSED}`,
    width: 1440,
    height: 860,
    hands: async (page) => {
      for (let charts = 2; charts <= 4; charts += 1) {
        await page.keyboard.press('n');
        await page.waitForFunction(
          (count) =>
            window.__vp.charts.length === count &&
            window.__vp.charts.every(({ drawn }) => drawn > 0),
          charts,
        );
        await whole(page);
      }
    },
  },
  // Where are the large orders?
  {
    name: 'page-large',
    query: `&mode=depth&zoom=6&depth=40-${PAUSED}`,
    hands: (page) => pointAtMark(page, 'Large'),
  },
  // Who traded how much at this price?
  {
    name: 'page-traded',
    query: `&mode=depth&zoom=6&rows=14${PAUSED}`,
    of: besideTheMap,
  },
  // Was that an iceberg?
  {
    name: 'page-iceberg',
    query: `&mode=depth&zoom=8&rows=20${PAUSED}`,
    hands: (page) => pointAtMark(page, 'Iceberg'),
  },
  // What does the signal say, why, and how good was it?
  { name: 'page-signal', query: `&mode=force${PAUSED}`, of: '#panel', height: 1140 },
  {
    name: 'real-session',
    query: `&mode=depth&zoom=3${PAUSED}`,
    real: true,
  },
  // Is this picture live?
  { name: 'page-live', query: '&mode=depth&zoom=4', of: 'header.bar' },
];

async function taken({ name, query, theme = 'dark', ...how }: Picture): Promise<void> {
  const { width = 1600, height = 900 } = how;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  await page.goto(`${values.url}/?serving=${values.serving}&at=${values.at}${query}`);
  await whole(page);
  await how.hands?.(page);
  const path = join(folder, `${name}.png`);
  const { of } = how;
  if (typeof of === 'string') await page.locator(of).screenshot({ path });
  else await page.screenshot({ path, ...(of && { clip: await of(page) }) });
  await context.close();
  console.log(path);
}

/** The page as it plays. */
async function playing(of: Browser): Promise<Film> {
  const film = new Film();
  const viewport = { width: 1440, height: 810 };
  const context = await of.newContext({ viewport, colorScheme: 'dark' });
  const page = await context.newPage();
  await page.goto(`${values.url}/?serving=${values.serving}&at=${values.at}&mode=depth&zoom=5`);
  await whole(page);
  await film.record(page, 6);
  await context.close();
  return film;
}

/** From an empty browser to the best trade of a run, and that moment on the map: two clicks. */
async function twoClicks(of: Browser): Promise<Film> {
  const film = new Film();
  const context = await of.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(POINTER);
  const press = async (selector: string): Promise<void> => {
    await page.hover(selector);
    await film.still(page, 1.5);
    await page.click(selector);
  };
  await page.goto(`${values.url}/experiments.html`);
  await page.waitForSelector('#view[aria-busy=false]');
  await film.still(page, 2);
  await press('tbody tr:first-child td:nth-child(2) a');
  await page.waitForSelector('a.best');
  await film.still(page, 2.5);
  await press('a.best');
  await whole(page);
  await film.still(page, 2.5);
  await pointAtNewest(page);
  await film.still(page, 3);
  await context.close();
  return film;
}

/** A report as a whole; it is as long as it is. */
async function reported(file: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 840, height: 1200 } });
  const page = await context.newPage();
  await page.goto(pathToFileURL(resolve(file)).href);
  const path = join(folder, 'report-demo.png');
  const { width, height } = await page.evaluate(() => ({
    width: window.innerWidth,
    height: document.body.scrollHeight,
  }));
  const clip = { x: 0, y: 0, width, height: Math.min(height, 4600) };
  await page.screenshot({ path, fullPage: true, clip });
  await context.close();
  console.log(path);
}

const FILMS = [
  { name: 'page-playing', make: playing, format: { width: 960, rate: 6, quality: 45 } },
  { name: 'research-two-clicks', make: twoClicks, format: { width: 1100, rate: 2, quality: 70 } },
] as const;

const browser = await launch();
try {
  if (values.report !== undefined) await reported(values.report);
  const real = values.real;
  for (const picture of PICTURES) {
    const wanted = (picture.real ?? false) === real && picture.name.includes(values.only);
    if (wanted && values.report === undefined) await taken(picture);
  }
  for (const { name, make, format } of FILMS) {
    if (real || values.report !== undefined || !name.includes(values.only)) continue;
    const path = join(folder, `${name}.webp`);
    await (await make(browser)).write(path, format);
    console.log(path);
  }
} finally {
  await browser.close();
}
