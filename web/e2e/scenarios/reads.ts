/** What a trader reads from the page. */
import { readFile } from 'node:fs/promises';

import type { Page } from 'playwright-core';

import { holds, same, type Scenario } from '../lab';

/** Colours over the map in a rectangle of the chart, as shares of its device px. */
async function opaque(page: Page, part: 'ladder' | 'delta' | 'ribbon'): Promise<number> {
  return page.evaluate((wanted) => {
    const layout = window.__vp.layout;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [layout.width, layout.height];
    const context = canvas.getContext('2d');
    if (context === null) return 0;
    for (const layer of document.querySelectorAll<HTMLCanvasElement>('#chart canvas:not(#heat)'))
      context.drawImage(layer, 0, 0);
    const { signal } = layout;
    const rect = wanted === 'ribbon' ? { ...signal, bottom: signal.top + 5 } : layout[wanted];
    const { left, top, right, bottom } = rect;
    const { data } = context.getImageData(left, top, right - left, bottom - top);
    let bright = 0;
    for (let at = 0; at < data.length; at += 4) {
      const most = Math.max(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0);
      if ((data[at + 3] ?? 0) > 60 && most > 90) bright += 1;
    }
    return bright / (data.length / 4);
  }, part);
}

/** How many colours the cells of the map have. */
async function colours(page: Page): Promise<number> {
  const png = (await page.locator('#heat').screenshot()).toString('base64');
  return page.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('no canvas');
    context.drawImage(image, 0, 0);
    const { data: pixels } = context.getImageData(0, 0, 300, Math.min(image.height, 200));
    return new Set(new Uint32Array(pixels.buffer)).size;
  }, png);
}

export const READS: readonly Scenario[] = [
  {
    name: 'the range of depth: sliders, lock, automatic, and in the address',
    query: '&at=09:29:58&paused=1&mode=depth',
    bins: 1,
    async run({ page, until }) {
      await until(({ missing }) => missing === 0);
      // The rims of marks have colours of their own.
      await page.locator('#marks-shown').uncheck();
      const control = page.locator('#depth');
      await control.locator('summary').click();
      const lock = page.locator('#depth-lock');
      same(await lock.getAttribute('aria-pressed'), 'false', 'the lock at first');
      const before = await colours(page);
      await page.locator('#depth-low').fill('160');
      await page.waitForFunction(() => window.location.search.includes('depth='));
      await page.waitForFunction(
        () => document.querySelector('#depth-low-text')?.textContent !== '0',
      );
      await page.locator('#depth-high').fill('200');
      await page.waitForFunction(
        () => document.querySelector('#depth-high-text')?.textContent === '10,000',
      );
      same(await lock.getAttribute('aria-pressed'), 'true', 'the lock after a slider');
      await page.waitForTimeout(300);
      const after = await colours(page);
      holds(after < before / 2, `${before} colours, ${after} when no depth is told apart`);
      await page.locator('#depth-auto').click();
      await page.waitForFunction(() => !window.location.search.includes('depth='));
      same(await lock.getAttribute('aria-pressed'), 'false', 'the lock of automatic');
      await lock.click();
      await page.waitForFunction(() => /depth=0-\d/.test(window.location.search));
    },
  },
  {
    name: 'ladder, volume delta and the states of the signal are drawn',
    query: '&at=09:29:58&paused=1',
    bins: 1,
    async run({ page, until }) {
      await until(({ missing }) => missing === 0);
      for (const part of ['ladder', 'delta', 'ribbon'] as const) {
        await page.waitForFunction(() => '__vp' in window && window.__vp.frames > 5);
        const share = await opaque(page, part);
        holds(share > 0.005, `${(100 * share).toFixed(2)} % of the ${part} is drawn`);
      }
    },
  },
  {
    name: 'the signal in words, with its threshold and its evidence',
    query: '&at=09:29:58&paused=1',
    bins: 1,
    async run({ page }) {
      const words = await page.locator('#signal-words').innerText();
      const sentence =
        /^imbalance [+−]?\d\.\d\d, (above|below|between) .*: (bullish|bearish|neutral) for \d+\.\d s$/;
      holds(sentence.test(words), `the signal says "${words}"`);
      await page.waitForFunction(
        () => document.querySelector('#evidence-verdict')?.textContent === 'proven',
      );
      const card = page.locator('[aria-label=Evidence]');
      const text = (await card.innerText()).replaceAll('\n', ' ');
      for (const part of ['58 % (49 to 66)', '120', '+0.80 ticks', '0.012 of 14 trials']) {
        holds(text.includes(part), `the evidence lacks ${part}: ${text}`);
      }
      const report = await page.locator('#evidence-report').getAttribute('href');
      const wanted = './experiments.html?view=run&run=run_0b7e11c4&threshold=0.25';
      same(report, wanted, 'the way to the report');
    },
  },
  {
    name: 'the view as a picture and its bins as a table',
    query: '&at=09:29:20&paused=1',
    bins: 1,
    async run({ page, until }) {
      await until(({ missing }) => missing === 0);
      const [picture] = await Promise.all([
        page.waitForEvent('download'),
        page.locator('#save-png').click(),
      ]);
      same(picture.suggestedFilename(), 'demo-09-29-20.png', 'the name of the picture');
      const png = await readFile(await picture.path());
      holds(png.readUInt32BE(16) === 736, 'the picture is not as wide as the chart');
      holds(png.byteLength > 20_000, `the picture of ${png.byteLength} bytes is empty`);
      const [table] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('c')]);
      const lines = (await readFile(await table.path(), 'utf8')).trimEnd().split('\n');
      const bins = lines.slice(1).map((line) => Number(line.split(',')[0]));
      same(bins.at(-1), 200, 'the newest bin of the table');
      same(
        bins,
        Array.from(bins, (_bin, index) => (bins[0] ?? 0) + index),
        'the bins',
      );
      holds(bins.length > 150, `${bins.length} bins`);
    },
  },
];
