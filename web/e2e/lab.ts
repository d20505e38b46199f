/** What tests of the page in a real browser stand on: one browser, and for each test a server and a page of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

import { FakeServer, type FakeServerOptions } from '../tests/support/server';
import type { PageCounters } from '../src/ui/counters';

export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--enable-unsafe-swiftshader',
];
/**
 * Functions given to the page refer to the first helper of the compiler. Frames come some 15 times a second, because they
 * are drawn in software, and several pages share a machine.
 */
const PRELUDE = `
  globalThis.__name = (what) => what;
  const frame = globalThis.requestAnimationFrame?.bind(globalThis);
  const asleep = [];
  globalThis.__sleep = (sleeps) => {
    globalThis.__sleeps = sleeps;
    if (!sleeps) for (const callback of asleep.splice(0)) frame(callback);
  };
  globalThis.requestAnimationFrame = (callback) =>
    setTimeout(() => (globalThis.__sleeps ? asleep.push(callback) : frame(callback)), 50);
`;
/** How long a page may take to become what a test waits for, ms. */
const PATIENCE_MS = 30_000;

/** What a test works with. */
export interface Lab {
  server: FakeServer;
  page: Page;
  /** Folder of the built page. */
  pages: string;
  /** The page's address without a query. */
  address: string;
  /** Waits until the page's counters are as wanted. */
  until: (wanted: (counters: PageCounters) => boolean, ms?: number) => Promise<void>;
  counters: () => Promise<PageCounters>;
  /** Draws nothing, as a tab in the background; or draws again. */
  sleep: (sleeps: boolean) => Promise<void>;
  /** Share of the map's width, sampled across, that has cells in it. */
  lit: () => Promise<number>;
}

export interface Scenario {
  name: string;
  server?: Partial<FakeServerOptions>;
  context?: BrowserContextOptions;
  /** Of the address, beside the serving. */
  query?: string;
  /** Run in the page before its own script. */
  before?: string;
  /** Bins that the page draws before the test begins. */
  bins?: number;
  /** Whether the connection may break: the browser then says so on the console. */
  breaks?: boolean;
  run: (lab: Lab) => Promise<void>;
}

/** How a scenario went: `problem` is null when everything held. */
export interface Finding {
  name: string;
  problem: string | null;
  ms: number;
}

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: FLAGS,
  });
}

/** Runs one scenario with its own server and page; it never throws. */
export async function perform(
  browser: Browser,
  pages: string,
  scenario: Scenario,
): Promise<Finding> {
  const startedMs = performance.now();
  const server = new FakeServer({ ...scenario.server, pages });
  const context = await browser.newContext({
    viewport: { width: 1000, height: 600 },
    colorScheme: 'dark',
    ...scenario.context,
  });
  const complaints: string[] = [];
  let problem: string | null = null;
  try {
    const address = `http://${await server.listen()}/`;
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => {
      if (message.type() === 'error' && scenario.breaks !== true) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.addInitScript(PRELUDE);
    if (scenario.before !== undefined) await page.addInitScript(scenario.before);
    await page.goto(`${address}?serving=demo${scenario.query ?? ''}`);
    const lab = labOf(server, page, address, pages);
    const bins = scenario.bins ?? 5;
    await lab.until((counters) => counters.drawn >= bins);
    await scenario.run(lab);
    await keepShot(page, scenario.name);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  } finally {
    await context.close();
    await server.close();
  }
  if (complaints.length > 0) problem = [problem ?? '', ...complaints].join('; ');
  return { name: scenario.name, problem, ms: Math.round(performance.now() - startedMs) };
}

/** With SHOTS the last picture of every scenario is kept in that folder. */
async function keepShot(page: Page, name: string): Promise<void> {
  const folder = process.env.SHOTS;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name.replace(/\W+/g, '-')}.png`), await page.screenshot());
}

/** What share of a picture's columns, of the upper part, differs from the ground somewhere. */
async function litShare(page: Page): Promise<number> {
  const { view } = await page.evaluate(() => ({ ...window.__vp }));
  const box = await page.locator('#chart').boundingBox();
  if (view === null || box === null) throw new Error('nothing is shown');
  const ratio = await page.evaluate(() => window.devicePixelRatio);
  const clip = {
    x: box.x,
    y: box.y,
    width: (view.heat.right - view.heat.left) / ratio - 2,
    height: (view.heat.bottom - view.heat.top) / ratio,
  };
  const png = (await page.screenshot({ clip })).toString('base64');
  return page.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('no canvas');
    context.drawImage(image, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, image.width, image.height);
    let lit = 0;
    for (let x = 0; x < image.width; x += 1) {
      const seen = new Set<number>();
      for (let y = 0; y < image.height; y += 2) {
        const at = (y * image.width + x) * 4;
        seen.add(((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0));
      }
      // Axis lines and price lines cross an empty map too; cells have many colours.
      if (seen.size > 14) lit += 1;
    }
    return lit / image.width;
  }, png);
}

/** What is around the chart is drawn in the frames after the state has changed; frames may be held back. */
async function fewFrames(): Promise<void> {
  await new Promise<void>((done) => {
    let left = 6;
    const next = (): void => {
      left -= 1;
      if (left < 0) done();
      else requestAnimationFrame(next);
    };
    next();
    setTimeout(done, 150);
  });
}

function labOf(server: FakeServer, page: Page, address: string, pages: string): Lab {
  const counters = async (): Promise<PageCounters> => page.evaluate(() => ({ ...window.__vp }));
  return {
    server,
    page,
    address,
    pages,
    counters,
    sleep: (sleeps) =>
      page.evaluate((value) => {
        (window as unknown as { __sleep: (sleeps: boolean) => void }).__sleep(value);
      }, sleeps),
    lit: () => litShare(page),
    until: async (wanted, ms = PATIENCE_MS) => {
      const endMs = performance.now() + ms;
      for (;;) {
        const now = await counters();
        if (wanted(now)) {
          await page.evaluate(fewFrames);
          return;
        }
        if (performance.now() > endMs) {
          throw new Error(`still not ${String(wanted)}: ${JSON.stringify(now)}`);
        }
        await page.waitForTimeout(30);
      }
    },
  };
}

/** Throws unless it holds. */
export function holds(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** Throws unless both are the same text. */
export function same(found: unknown, wanted: unknown, what: string): void {
  const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)];
  holds(is === should, `${what}: ${is}, wanted ${should}`);
}

/** Asks again until the answer is as wanted: what is around the chart is drawn in frames after the state has changed. */
export async function soon<T>(
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
  what: string,
  ms = 5_000,
): Promise<void> {
  const endMs = performance.now() + ms;
  let answer = await ask();
  while (!wanted(answer) && performance.now() < endMs) {
    await new Promise((done) => setTimeout(done, 50));
    answer = await ask();
  }
  holds(wanted(answer), `${what}: ${JSON.stringify(answer)}`);
}

/** Waits until the address says what is wanted: it is written a second or two after a change, or later on a busy machine. */
export async function addressed(
  { page }: Lab,
  wanted: (says: URLSearchParams) => boolean,
  what: string,
): Promise<void> {
  const says = (): Promise<string> => Promise.resolve(new URL(page.url()).search);
  await soon(says, (query) => wanted(new URLSearchParams(query)), what, PATIENCE_MS);
}
