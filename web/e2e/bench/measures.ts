/** The measurements of the page: each opens pages of its own. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import type { Browser, Page } from 'playwright-core';

import type { BareBrowser } from './bare';
import { FIRST_DRAW, HELPERS, NO_RASTER } from './recorder';
import { CATEGORIES, frameTimes, type FrameTime } from './trace';

const SIZE = { width: 1600, height: 900 };
/** Left out before a measurement: code is compiled, and the map fills. */
const SETTLE_MS = 3000;
/** Between two looks whether a map is whole, and when it is not waited for any longer. */
const LOOK_MS = 100;
const MOST_OPENING_MS = 60_000;
const MB = 1e6;

/** Script time of the frames of one run, ms; `wall` by the clock, which others on the machine lengthen. */
export interface FrameCost {
  frames: number;
  wall: Quantiles;
  processor: Quantiles;
}

export interface Quantiles {
  p50: number;
  p99: number;
  most: number;
}

export interface Weight {
  file: string;
  bytes: number;
  gzipped: number;
}

export interface MemoryAt {
  minute: number;
  bins: number;
  /** Script heap of the page after a collection, and memory of its whole process, MB. */
  heapMb: number;
  processMb: number;
}

/** Takes the bins in view, and more to pan through. */
async function open(browser: Browser, url: string, raster: boolean): Promise<Page> {
  const context = await browser.newContext({ viewport: SIZE });
  const page = await context.newPage();
  await page.addInitScript(HELPERS);
  await page.addInitScript(FIRST_DRAW);
  if (!raster) await page.addInitScript(NO_RASTER);
  await page.goto(url);
  await page.waitForFunction(() => '__vp' in window && window.__vp.drawn > 5);
  return page;
}

async function costOf(page: Page, act: (page: Page) => Promise<void>): Promise<FrameCost> {
  const browser = page.context().browser();
  if (browser === null) throw new Error('the page has no browser to trace');
  await page.waitForTimeout(SETTLE_MS);
  await browser.startTracing(page, { categories: CATEGORIES });
  await act(page);
  const frames = frameTimes(await browser.stopTracing());
  await page.context().close();
  return {
    frames: frames.length,
    wall: quantiles(frames, ({ wallMs }) => wallMs),
    processor: quantiles(frames, ({ processorMs }) => processorMs),
  };
}

function quantiles(frames: readonly FrameTime[], of: (frame: FrameTime) => number): Quantiles {
  const times = frames.map(of).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

/** Drags the map to and fro, as fast as the browser takes the movements. */
async function panAbout(page: Page, ms: number): Promise<void> {
  const box = await page.locator('#chart').boundingBox();
  if (box === null) throw new Error('the chart is not shown');
  const [y, left, width] = [box.y + 200, box.x + 200, 500];
  const endMs = performance.now() + ms;
  await page.mouse.move(left, y);
  await page.mouse.down();
  for (let step = 0; performance.now() < endMs; step += 1) {
    const turn = Math.abs(((step * 9) % (2 * width)) - width);
    await page.mouse.move(left + width - turn, y + 30 * Math.sin(step / 20));
  }
  await page.mouse.up();
}

export async function following(browser: Browser, url: string, ms: number): Promise<FrameCost> {
  const page = await open(browser, url, false);
  return costOf(page, (it) => it.waitForTimeout(ms));
}

export async function panning(browser: Browser, url: string, ms: number): Promise<FrameCost> {
  const page = await open(browser, url, false);
  await page.waitForFunction(() => '__vp' in window && window.__vp.binSeq - window.__vp.tail > 200);
  return costOf(page, (it) => panAbout(it, ms));
}

/** What somebody waits for who opens a link, ms. */
export interface Opening {
  /** From the beginning of the navigation to the first picture with a bin in it, drawn whole. */
  firstDraw: number;
  /** From the first byte of the page to the first picture without a hole in the map. */
  whole: number;
}

export async function opening(browser: BareBrowser, url: string): Promise<Opening> {
  const page = await browser.open(SIZE);
  await page.before(FIRST_DRAW);
  await page.goto(url);
  for (const began = performance.now(); performance.now() - began < MOST_OPENING_MS;) {
    const times = '({ firstDraw: globalThis.__firstDrawMs, whole: globalThis.__wholeMs })';
    const { firstDraw, whole } = await page.evaluate<Partial<Opening>>(times);
    if (firstDraw != null && whole != null) {
      await page.close();
      return { firstDraw, whole };
    }
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  throw new Error(`the map of ${url} is not whole after a minute`);
}

/** What a browser loads of the live page, in the order of size. */
export async function weights(pages: string): Promise<Weight[]> {
  const html = await readFile(join(pages, 'index.html'), 'utf8');
  const assets = (await readdir(join(pages, 'assets'))).filter((name) =>
    /\.(?:js|css)$/.test(name),
  );
  const loaded = await reachable(pages, html, assets);
  const files = ['index.html', ...loaded.map((name) => join('assets', name))];
  const all = await Promise.all(
    files.map(async (file) => {
      const { size: bytes } = await stat(join(pages, file));
      const gzipped = gzipSync(await readFile(join(pages, file)), { level: 9 }).byteLength;
      return { file, bytes, gzipped };
    }),
  );
  return all.sort((a, b) => b.gzipped - a.gzipped);
}

/** The assets that a text names, and those that they name in turn. */
async function reachable(pages: string, text: string, assets: string[]): Promise<string[]> {
  const found: string[] = [];
  const waiting = [text];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const name of assets) {
      if (found.includes(name) || !next.includes(name)) continue;
      found.push(name);
      waiting.push(await readFile(join(pages, 'assets', name), 'utf8'));
    }
  }
  return found;
}

/** Memory at each full minute, while bins come all the time. */
export async function memory(
  browser: Browser,
  url: string,
  minutes: number,
  tell: (at: MemoryAt) => void,
): Promise<MemoryAt[]> {
  const page = await open(browser, url, false);
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable');
  const whole = await browser.newBrowserCDPSession();
  const found: MemoryAt[] = [];
  for (let minute = 1; minute <= minutes; minute += 1) {
    await page.waitForTimeout(60_000);
    await client.send('HeapProfiler.collectGarbage');
    const { metrics } = await client.send('Performance.getMetrics');
    const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN;
    const bins = await page.evaluate(() => window.__vp.received);
    const { processInfo } = await whole.send('SystemInfo.getProcessInfo');
    const renderers = processInfo.filter(({ type }) => type === 'renderer');
    const sizes = await Promise.all(renderers.map(({ id }) => residentBytes(id)));
    const at = {
      minute,
      bins,
      heapMb: heap / MB,
      processMb: Math.max(...sizes) / MB,
    };
    found.push(at);
    tell(at);
  }
  await page.context().close();
  return found;
}

async function residentBytes(pid: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) * 1024;
  } catch {
    // Ended meanwhile, or a system without /proc.
    return 0;
  }
}
