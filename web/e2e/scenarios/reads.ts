/** What a trader reads from the page. */
import { readFile } from 'node:fs/promises';

import type { Page } from 'playwright-core';

import { holds, same, type Scenario } from '../lab';

/** Colours of the overlay in a rectangle of the chart, as shares of its device px. */
async function opaque(page: Page, part: 'ladder' | 'delta' | 'ribbon'): Promise<number> {
  return page.evaluate((wanted) => {
    const canvas = document.querySelector<HTMLCanvasElement>('#overlay');
    const context = canvas?.getContext('2d');
    const layout = window.__vp.layout;
    if (!context) return 0;
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

export const READS: readonly Scenario[] = [
  {
    name: 'ladder, volume delta and the states of the signal are drawn',
    query: '&at=09:29:58&paused=1',
    bins: 1,
    async run({ page, until }) {
      await until(({ missing }) => missing === 0);
      for (const part of ['ladder', 'delta', 'ribbon'] as const) {
        await page.waitForFunction(() => window.__vp.frames > 5);
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
      same(await page.locator('#evidence-report').isVisible(), true, 'the report');
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
