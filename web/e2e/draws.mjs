/**
 * Opens the page in a real browser and checks that it draws: at least N bins, pixels that are not blank and that
 * change, and nothing on the console.
 *
 *   node e2e/draws.mjs --url http://127.0.0.1:8002/?serving=demo [--bins 50] [--screenshot shot.png]
 *
 * With --to-end it stays until the replay is over and checks that every bin was drawn or declared as skipped, and
 * that never more came at once than the server may have on the way; --hide SECONDS draws nothing for that long in
 * between, as a tab in the background. With --controls it pauses, goes to a bin, restarts and plays on.
 *
 * With --token it signs in first, on the form that a server with a token sends it to.
 *
 * Prints one line of JSON; the exit code is 0 when everything holds, 1 when something does not, 2 for wrong usage.
 * With --light the page is in its light theme. With --no-webgl the page has to draw without it. The browser is the one named by CHROMIUM, else /usr/bin/chromium.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

const USAGE =
  'usage: draws.mjs --url URL [--screenshot FILE] [--bins N] [--width PX] [--height PX] [--timeout SECONDS] [--no-webgl] [--light] [--controls] [--to-end] [--hide SECONDS] [--token TOKEN]';

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
/** Most bins a page may get between two pictures: the server's window of 64, and what a first ack comes too late for. */
const MOST_AT_ONCE = 256;

/**
 * Types the token into the form and waits for the page it was on its way to.
 * @param {import('playwright-core').Page} page
 * @param {string} token
 */
async function signIn(page, token) {
  const wanted = new URL(page.url()).searchParams.get('next');
  await page.fill('input[name=token]', token);
  await page.click('button');
  await page.waitForURL((url) => url.pathname + url.search === wanted);
}

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
        token: { type: 'string' },
        'no-webgl': { type: 'boolean', default: false },
        light: { type: 'boolean', default: false },
        controls: { type: 'boolean', default: false },
        'to-end': { type: 'boolean', default: false },
        hide: { type: 'string', default: '0' },
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
    if (values.controls && values['to-end']) {
      throw new Error('--controls plays bins again, so --to-end could not count them');
    }
    const hideMs = Number(values.hide) * 1000;
    if (!(hideMs >= 0)) throw new Error('--hide must be a number of seconds');
    return {
      hideMs,
      controls: values.controls,
      toEnd: values['to-end'],
      url: values.url,
      screenshot: values.screenshot ?? null,
      token: values.token ?? null,
      webgl: !values['no-webgl'],
      light: values.light,
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
  await page.waitForFunction((wanted) => '__vp' in window && window.__vp.drawn >= wanted, bins, {
    timeout,
  });
}

/**
 * Holds the page's animation frames back, as a browser does for a tab in the background.
 *
 * @param {import('playwright-core').Page} page
 * @param {number} ms
 * @returns {Promise<number>} bins that the page took in meanwhile.
 */
async function hide(page, ms) {
  return page.evaluate(async (duration) => {
    const request = window.requestAnimationFrame.bind(window);
    /** @type {FrameRequestCallback[]} */
    const held = [];
    window.requestAnimationFrame = (callback) => held.push(callback);
    // A frame that was asked for before still comes.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = window.__vp.received;
    await new Promise((resolve) => setTimeout(resolve, duration));
    const came = window.__vp.received - before;
    window.requestAnimationFrame = request;
    for (const callback of held) request(callback);
    return came;
  }, ms);
}

/**
 * Uses the page's controls as a user does; throws what Playwright throws when one does not do its work in time.
 *
 * @param {import('playwright-core').Page} page
 * @param {number} timeout in ms
 */
async function tryControls(page, timeout) {
  /** @param {number} from @param {number} to */
  const untilBin = (from, to) =>
    page.waitForFunction(
      ([low, high]) => window.__vp.binSeq >= (low ?? NaN) && window.__vp.binSeq <= (high ?? NaN),
      [from, to],
      { timeout },
    );
  const toggle = () => page.keyboard.press(' ');
  await toggle();
  await page.locator('#seek').fill('#5');
  await page.keyboard.press('Enter');
  // While paused a seek shows that one bin; then it plays on from there.
  await untilBin(5, 5);
  await toggle();
  await untilBin(30, Infinity);
  await toggle();
  await page.keyboard.press('r');
  await untilBin(0, 0);
  await toggle();
  await untilBin(20, Infinity);
}

/**
 * Waits for the end of the replay and says what is wrong with what came until then.
 *
 * @param {import('playwright-core').Page} page
 * @param {number} timeout in ms
 * @returns {Promise<string[]>}
 */
async function watchToEnd(page, timeout) {
  await page.waitForFunction(
    () => window.__vp.phase === 'ended' && window.__vp.drawn === window.__vp.received,
    null,
    { timeout },
  );
  const { received, skipped, binSeq, mostAtOnce } = await page.evaluate(() => ({ ...window.__vp }));
  const wrong = [];
  if (received + skipped !== binSeq + 1) {
    wrong.push(`${received} bins came and ${skipped} were declared skipped of ${binSeq + 1}`);
  }
  if (mostAtOnce > MOST_AT_ONCE) wrong.push(`${mostAtOnce} bins came between two pictures`);
  return wrong;
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
    colorScheme: options.light ? 'light' : 'dark',
  });
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  await page.goto(options.url, { timeout: options.timeoutMs });
  if (options.token !== null) await signIn(page, options.token);
  await untilDrawn(page, Math.min(10, options.bins), options.timeoutMs);
  await lookAtHeatmap(page);
  await untilDrawn(page, options.bins, options.timeoutMs);
  const { colours, changed } = await lookAtHeatmap(page);
  if (colours < FEWEST_COLOURS) problems.push(`the heatmap has only ${colours} colours`);
  if (changed < LEAST_CHANGE) problems.push('the heatmap does not move');
  if (options.controls) await tryControls(page, options.timeoutMs);
  const hidden = options.hideMs > 0 ? await hide(page, options.hideMs) : 0;
  if (hidden > MOST_AT_ONCE) problems.push(`${hidden} bins came to a page that was hidden`);
  if (options.toEnd) problems.push(...(await watchToEnd(page, options.timeoutMs)));
  if (options.screenshot !== null) await writeFile(options.screenshot, await page.screenshot());
  const counters = await page.evaluate(() => ({ ...window.__vp }));
  if (counters.unreadable > 0) problems.push(`${counters.unreadable} messages were unreadable`);
  report = { colours, changed: Number(changed.toFixed(4)), hidden, ...counters };
} catch (error) {
  problems.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
} finally {
  await browser.close();
}

const ok = problems.length === 0;
console.log(JSON.stringify({ ok, url: options.url, problems, ...report }));
process.exitCode = ok ? 0 : 1;
