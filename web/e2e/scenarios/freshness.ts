/** Nothing ever looks live that is not. */
import type { Page } from 'playwright-core';

import { holds, same, type Lab, type Scenario } from '../lab';

/** Whether all that the page shows of the market is grey. */
async function isGrey(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const saturated = (selector: string): boolean => {
      const element = document.querySelector(selector);
      if (element === null) throw new Error(`the page has no ${selector}`);
      const card = element.closest('.card');
      return card === null || !getComputedStyle(card).filter.includes('grayscale(1)');
    };
    return !['#bid-price', '#ask-price', '#signal-score', '#near'].some(saturated);
  });
}

/** Waits for the word, then checks that everything says so. */
async function staysStale({ page, until }: Lab, word: string, ms = 3000): Promise<void> {
  const endMs = performance.now() + ms;
  for (;;) {
    const { freshness } = await page.evaluate(() => ({ ...window.__vp }));
    if (freshness === word) break;
    if (performance.now() > endMs) throw new Error(`"${freshness}" after ${ms} ms, not "${word}"`);
    await page.waitForTimeout(20);
  }
  const frames = (await page.evaluate(() => window.__vp)).frames;
  await until((counters) => counters.frames > frames);
  holds(await isGrey(page), `the panel keeps its colours while "${word}"`);
  const said = await page.locator('#panel-stale').innerText();
  holds(said.startsWith(word) && /\d+ (ms|s) old$/.test(said), `the panel says "${said}"`);
}

async function isLive({ page, until }: Lab): Promise<void> {
  await until(({ freshness }) => freshness === 'Live');
  holds(!(await isGrey(page)), 'the panel is grey while live');
  holds(!(await page.locator('#panel-stale').isVisible()), 'a live panel says that it is stale');
  same(await page.locator('#connection-text').innerText(), 'Live', 'the connection');
}

export const FRESHNESS: readonly Scenario[] = [
  {
    name: 'live, with its lateness in ms',
    async run(lab) {
      await isLive(lab);
      const lateness = await lab.page.locator('#lateness').innerText();
      holds(/^\d+ ms late$/.test(lateness), `lateness reads "${lateness}"`);
    },
  },
  {
    name: 'a server that is gone: grey at once, a countdown, retry now',
    breaks: true,
    async run(lab) {
      await isLive(lab);
      await lab.server.close();
      await staysStale(lab, 'Not connected');
      const pill = await lab.page.locator('#connection-text').innerText();
      holds(/^(Connecting|Not connected · retry in \d+ s)$/.test(pill), `the pill says "${pill}"`);
      const seconds = async (): Promise<number> => {
        const text = await lab.page.locator('#connection-text').innerText();
        return Number(/\d+/.exec(text)?.[0] ?? 0);
      };
      // The waits double: a later one is long enough to be cut short.
      while ((await seconds()) < 2) await lab.page.waitForTimeout(30);
      const before = await seconds();
      await lab.page.locator('#retry').click();
      await lab.page.waitForTimeout(300);
      holds((await seconds()) > before, 'retry now does not try');
    },
  },
  {
    name: 'a stopped server: late within a second, live again when it goes on',
    async run(lab) {
      await isLive(lab);
      lab.server.hold(true);
      await staysStale(lab, 'Late', 1500);
      lab.server.hold(false);
      await isLive(lab);
    },
  },
  {
    name: 'a link too slow for the bins: late, however steadily they come',
    async run(lab) {
      await isLive(lab);
      lab.server.slowTo(6);
      await staysStale(lab, 'Late', 3000);
      await lab.page.waitForTimeout(1000);
      same((await lab.counters()).freshness, 'Late', 'a second later');
    },
  },
  {
    name: 'paused: grey with its age, live again after it',
    async run(lab) {
      await isLive(lab);
      await lab.page.keyboard.press(' ');
      await staysStale(lab, 'Paused');
      await lab.page.keyboard.press(' ');
      await isLive(lab);
    },
  },
  {
    name: 'a book that is not valid is not live',
    async run(lab) {
      // Bins 300 to 321 of the invented market have none.
      await lab.page.locator('#seek').fill('#296');
      await lab.page.keyboard.press('Enter');
      await staysStale(lab, 'Book not valid');
      await isLive(lab);
    },
  },
  {
    name: 'a replay that has ended is not live',
    server: { bins: 40 },
    async run(lab) {
      await lab.until(({ phase }) => phase === 'ended');
      await staysStale(lab, 'Ended');
      same(await lab.page.locator('#lateness').innerText(), '– late', 'the lateness');
    },
  },
];
