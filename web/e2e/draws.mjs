/**
 * Opens the page in a real browser and checks that it draws: at least N bins, pixels that are not blank and that
 * change, and nothing on the console.
 *
 *   node e2e/draws.mjs --url http://127.0.0.1:8002/?serving=demo [--bins 50] [--screenshot shot.png]
 *
 * Prints one line of JSON; the exit code is 0 when everything holds, 1 when something does not, 2 for wrong usage.
 * With --no-webgl the page has to draw without it. The browser is the one named by CHROMIUM, else /usr/bin/chromium.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

const USAGE =
  'usage: draws.mjs --url URL [--screenshot FILE] [--bins N] [--width PX] [--height PX] [--timeout SECONDS] [--no-webgl]';

const BROWSER_FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // The same picture on every machine: everything is drawn in software, WebGL too.
  '--disable-gpu',
  '--enable-unsafe-swiftshader',
];

/** Fewest distinct colours of a heatmap that shows something. */
const FEWEST_COLOURS = 40;
/** Least share of pixels that must differ between two pictures of a scrolling map. */
const LEAST_CHANGE = 0.005;

/** Reads the options, or ends with the usage. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        url: { type: 'string' },
        screenshot: { type: 'string' },
        bins: { type: 'string', default: '50' },
        width: { type: 'string', default: '1600' },
        height: { type: 'string', default: '900' },
        timeout: { type: 'string', default: '60' },
        'no-webgl': { type: 'boolean', default: false },
      },
    });
    if (values.url === undefined) throw new Error('--url is missing');
    const numbers = {
      bins: Number(values.bins),
      width: Number(values.width),
      height: Number(values.height),
      timeoutMs: Number(values.timeout) * 1000,
    };
    for (const [name, value] of Object.entries(numbers)) {
      if (!(value > 0)) throw new Error(`--${name} must be a positive number`);
    }
    return {
      url: values.url,
      screenshot: values.screenshot ?? null,
      webgl: !values['no-webgl'],
      ...numbers,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

/**
 * Takes a picture of the heatmap and keeps it in the page for comparison.
 *
 * @param {import('playwright-core').Page} page
 * @returns {Promise<{colours: number, changed: number}>} distinct colours, and the share of pixels that differ from
 *   the picture before (0 for the first).
 */
async function lookAtHeatmap(page) {
  const picture = await page.locator('#heat').screenshot();
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('no 2D context to compare pictures with');
    context.drawImage(bitmap, 0, 0);
    const pixels = new Uint32Array(
      context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer,
    );
    const holder = /** @type {{ lastPicture?: Uint32Array }} */ (globalThis);
    const before = holder.lastPicture;
    holder.lastPicture = pixels;
    let differing = 0;
    if (before?.length === pixels.length) {
      for (let i = 0; i < pixels.length; i += 1) {
        if (before[i] !== pixels[i]) differing += 1;
      }
    }
    return { colours: new Set(pixels).size, changed: differing / pixels.length };
  }, picture.toString('base64'));
}

/**
 * @param {import('playwright-core').Page} page
 * @param {number} bins
 * @param {number} timeout in ms
 */
async function untilDrawn(page, bins, timeout) {
  await page.waitForFunction((wanted) => window.__vp.drawn >= wanted, bins, { timeout });
}

const options = readOptions();
/** @type {string[]} */
const problems = [];
let report = {};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: options.webgl ? BROWSER_FLAGS : [...BROWSER_FLAGS, '--disable-3d-apis'],
});
try {
  const page = await browser.newPage({
    viewport: { width: options.width, height: options.height },
  });
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  await page.goto(options.url, { timeout: options.timeoutMs });
  await untilDrawn(page, Math.min(10, options.bins), options.timeoutMs);
  await lookAtHeatmap(page);
  await untilDrawn(page, options.bins, options.timeoutMs);
  const { colours, changed } = await lookAtHeatmap(page);
  if (colours < FEWEST_COLOURS) problems.push(`the heatmap has only ${colours} colours`);
  if (changed < LEAST_CHANGE) problems.push('the heatmap does not move');
  if (options.screenshot !== null) await writeFile(options.screenshot, await page.screenshot());
  const counters = await page.evaluate(() => ({ ...window.__vp }));
  if (counters.unreadable > 0) problems.push(`${counters.unreadable} messages were unreadable`);
  report = { colours, changed: Number(changed.toFixed(4)), ...counters };
} catch (error) {
  problems.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
} finally {
  await browser.close();
}

const ok = problems.length === 0;
console.log(JSON.stringify({ ok, url: options.url, problems, ...report }));
process.exitCode = ok ? 0 : 1;
