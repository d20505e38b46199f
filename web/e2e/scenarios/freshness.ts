/** Nothing ever looks live that is not. */
import type { Page } from 'playwright-core';

import { holds, same, type Lab, type Scenario } from '../lab';

/** What the page says of its freshness, and whether all that it shows of the market is grey. */
async function shown(page: Page): Promise<{ word: string; said: string; grey: boolean }> {
  return page.evaluate(() => {
    const selectors = ['#bid-price', '#ask-price', '#signal-score', '#near'];
    const cards = selectors.map((selector) => document.querySelector(selector)?.closest('.card'));
    const note = document.querySelector<HTMLElement>('#panel-stale');
    return {
      word: window.__vp.freshness,
      said: note === null || note.hidden ? '' : note.innerText,
      grey: cards.every((card) => card && getComputedStyle(card).filter === 'grayscale(1)'),
    };
  });
}

/** Waits until the page says the word, with an age, and all is grey. */
async function staysStale({ page }: Lab, word: string, ms = 10_000): Promise<void> {
  const endMs = performance.now() + ms;
  for (;;) {
    const now = await shown(page);
    const aged = now.said.startsWith(word) && /\d+ (ms|s) old$/.test(now.said);
    if (now.word === word && aged && now.grey) return;
    if (performance.now() > endMs) throw new Error(`not "${word}" but ${JSON.stringify(now)}`);
    await page.waitForTimeout(20);
  }
}

async function isLive({ page }: Lab): Promise<void> {
  const endMs = performance.now() + 20_000;
  for (;;) {
    const now = await shown(page);
    if (now.word === 'Live' && now.said === '' && !now.grey) return;
    if (performance.now() > endMs) throw new Error(`not live but ${JSON.stringify(now)}`);
    await page.waitForTimeout(20);
  }
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
      // Without the click the countdown would only fall; the next wait after it is longer.
      const untilMs = performance.now() + 5000;
      while ((await seconds()) <= before && performance.now() < untilMs) {
        await lab.page.waitForTimeout(30);
      }
      holds((await seconds()) > before, 'retry now does not try');
    },
  },
  {
    name: 'a stopped server: late within a second, live again when it goes on',
    async run(lab) {
      await isLive(lab);
      lab.server.hold(true);
      await staysStale(lab, 'Late');
      lab.server.hold(false);
      await isLive(lab);
    },
  },
  {
    name: 'a link too slow for the bins: late, however steadily they come',
    async run(lab) {
      await isLive(lab);
      lab.server.slowTo(6);
      await staysStale(lab, 'Late');
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
