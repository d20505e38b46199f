/** Every key and button does what the list of keys says; what is chosen is kept. */
import type { Page } from 'playwright-core';

import { holds, same, soon, type Lab, type Scenario } from '../lab';

/** What the page draws while it is hidden is nothing; `document.hidden` is as the tests have it. */
const HIDEABLE = `
  Object.defineProperty(document, 'hidden', { get: () => globalThis.__sleeps === true });
`;

async function pressed({ page, until }: Lab, key: string, wanted: number): Promise<void> {
  await page.keyboard.press(key);
  await until(({ binSeq, paused }) => binSeq === wanted && paused);
}

async function cellsAcross({ counters }: Lab): Promise<number> {
  const { view } = await counters();
  return view === null ? NaN : (view.heat.bottom - view.heat.top) / view.rowPx;
}

/** Which switches are on. */
async function switchedOn(page: Page): Promise<string[]> {
  const boxes = page.locator('#overlays-list input:checked');
  return boxes.evaluateAll((found) => found.map(({ id }) => id.replace('overlay-', '')));
}

/** How many pixels of the layer with the plots are inked on the map. */
async function inkOnMap(page: Page): Promise<number> {
  return page.evaluate(() => {
    const layer = document.querySelectorAll<HTMLCanvasElement>('#chart canvas')[1];
    const { heat } = window.__vp.layout;
    const context = layer?.getContext('2d');
    if (!context) return -1;
    const { data } = context.getImageData(0, 0, heat.right, heat.bottom);
    return data.filter((value, at) => at % 4 === 3 && value > 100).length;
  });
}

export const CONTROLS: readonly Scenario[] = [
  {
    name: 'keys and buttons of the replay: back, forward, restart, step, and the newest bin again',
    query: '&at=09:29:40&paused=1',
    bins: 1,
    async run(lab) {
      const { page, until } = lab;
      await until(({ binSeq, paused }) => binSeq === 400 && paused);
      await pressed(lab, 'j', 100);
      await pressed(lab, 'l', 400);
      await pressed(lab, ',', 399);
      await pressed(lab, '.', 400);
      await pressed(lab, 'r', 0);
      await page.locator('#forward').click();
      await until(({ binSeq }) => binSeq === 300);
      await page.locator('#back').click();
      await until(({ binSeq }) => binSeq === 0);
      await page.locator('#forward').click();
      await until(({ binSeq, missing }) => binSeq === 300 && missing === 0);
      await page.locator('#restart').click();
      await until(({ binSeq }) => binSeq === 0);
      await page.locator('#play').click();
      await until(({ paused, binSeq }) => !paused && binSeq > 3);
      await page.locator('#play').click();
      await until(({ paused }) => paused);
      await page.keyboard.press('g');
      await page.keyboard.type('9:29:50');
      await page.keyboard.press('Enter');
      await until(({ binSeq, missing }) => binSeq === 500 && missing === 0);
      await page.keyboard.press('ArrowLeft');
      await until(({ followsTime }) => !followsTime);
      await page.keyboard.press('End');
      await until(({ followsTime }) => followsTime);
      await page.keyboard.press('ArrowLeft');
      await page.locator('#follow').click();
      await until(({ followsTime }) => followsTime);
      const name = await page.title();
      same(name, 'Paused · SYNM6 · Spymaster', 'the name of the tab');
    },
  },
  {
    name: 'keys of the view: prices higher and lower, taller and lower rows, the list',
    query: '&at=09:29:40&paused=1',
    bins: 1,
    async run(lab) {
      const { page, until, counters } = lab;
      await until(({ missing, view }) => missing === 0 && view !== null);
      const before = await counters();
      const centre = before.view?.centre ?? NaN;
      await page.keyboard.press('ArrowUp');
      await until(({ view }) => (view?.centre ?? NaN) !== centre);
      const higher = (await counters()).view?.centre ?? NaN;
      holds(higher > centre, `the map went from ${centre} to ${higher}`);
      await page.keyboard.press('ArrowDown');
      await until(({ view }) => view?.centre === centre);
      const cells = await cellsAcross(lab);
      await page.keyboard.press(']');
      await soon(
        () => cellsAcross(lab),
        (now) => now < cells - 1,
        'prices across after ]',
      );
      await page.keyboard.press('[');
      await page.keyboard.press('[');
      await soon(
        () => cellsAcross(lab),
        (now) => now > cells + 1,
        'prices across after [ [',
      );
      await page.keyboard.press('?');
      const text = await page.locator('#help').innerText();
      for (const words of ['Double click', 'Zoom price', 'Higher prices'])
        holds(text.includes(words), `the list lacks "${words}"`);
      const box = await page.locator('#help').boundingBox();
      const room = page.viewportSize()?.height ?? 0;
      holds((box?.y ?? -1) >= 0 && (box?.height ?? 0) <= room, 'the list is cut off');
      await page.locator('#help-close').click();
      holds(!(await page.locator('#help').isVisible()), 'the list stays');
    },
  },
  {
    name: 'overlays: each is switched off and on over any colour, and kept; Space is pause on a switch',
    query: '&at=09:29:50&paused=1',
    bins: 1,
    async run({ page, until }) {
      await until(({ missing, view }) => missing === 0 && view !== null);
      const usual = ['quotes', 'vwap', 'trades', 'marks', 'ribbon'];
      same(await switchedOn(page), usual, 'what is shown at first');
      await page.locator('#overlays summary').click();
      for (const mode of ['1', '2']) {
        await page.locator('#chart').focus();
        await page.keyboard.press(mode);
        for (const id of [...usual, 'mid']) {
          const before = await inkOnMap(page);
          await page.locator(`#overlay-${id}`).click();
          await soon(
            () => inkOnMap(page),
            (ink) => (id === 'mid' ? ink > before : ink < before),
            `pixels after a click on ${id}, ${before} before`,
          );
          await page.locator(`#overlay-${id}`).click();
          await soon(
            () => inkOnMap(page),
            (ink) => ink === before,
            `pixels after another click on ${id}`,
          );
        }
      }
      // The box that was clicked last has the focus.
      await page.keyboard.press(' ');
      await until(({ paused }) => !paused);
      await page.keyboard.press(' ');
      await until(({ paused }) => paused);
      same(await switchedOn(page), usual, 'what is shown after Space');
      await page.keyboard.press('Enter');
      same(await switchedOn(page), ['quotes', 'mid', ...usual.slice(1)], 'what Enter has shown');
      await page.locator('#marks-shown').uncheck();
      same(await page.locator('#overlay-marks').isChecked(), false, 'the other switch of marks');
      await page.reload();
      await until(({ missing, view }) => missing === 0 && view !== null);
      const kept = ['quotes', 'mid', 'vwap', 'trades', 'ribbon'];
      same(await switchedOn(page), kept, 'what is shown after a reload');
      same(await page.locator('#marks-shown').isChecked(), false, 'the card after a reload');
    },
  },
  {
    name: 'cards close by their heads, which is in the address and kept',
    context: { viewport: { width: 1400, height: 900 } },
    async run({ page, until }) {
      const card = page.locator('[aria-label="Evidence"]');
      await card.getByRole('button', { name: 'Evidence' }).click();
      holds(!(await card.locator('dl').isVisible()), 'the card is open');
      await page.getByRole('button', { name: 'Near spot' }).focus();
      await page.keyboard.press('Enter');
      const closed = (): string | null => new URL(page.url()).searchParams.get('closed');
      same(closed(), 'evidence.near-spot', 'what the address says');
      await page.waitForTimeout(2500);
      same(closed(), 'evidence.near-spot', 'what it says when the place was written');
      await page.reload();
      await until(({ drawn }) => drawn > 2);
      holds(!(await card.locator('dl').isVisible()), 'the card is open after a reload');
      await card.getByRole('button', { name: 'Evidence' }).click();
      holds(await card.locator('dl').isVisible(), 'the card does not open');
      same(closed(), 'near-spot', 'what the address says then');
      const address = new URL(page.url());
      address.searchParams.delete('closed');
      await page.goto(address.href);
      await until(({ drawn }) => drawn > 2);
      holds(!(await page.locator('#near').isVisible()), 'what was closed is not kept');
    },
  },
  {
    name: 'a hidden tab tells of what it was asked for, and of a silence, and goes on being sent bins',
    before: HIDEABLE,
    async run(lab) {
      const { page, until, counters, sleep, server } = lab;
      await page.locator('#alert-kind').selectOption('sweep');
      await page.locator('#alert-form button').click();
      await page.locator('#alert-kind').selectOption('stale');
      await page.locator('#alert-value').fill('1');
      await page.locator('#alert-form button').click();
      const { binSeq } = await counters();
      await sleep(true);
      // Further than a page that draws nothing is sent; bin 80 has a sweep, as has one of every 160.
      await until((now) => now.binSeq > Math.max(binSeq + 90, 90));
      const told = async (): Promise<string> =>
        (await page.locator('#alert-list').textContent()) ?? '';
      await soon(told, (text) => text.includes('Sweep: 61 bought'), 'what is told while hidden');
      holds((await page.title()).startsWith('Sweep'), `the tab is called ${await page.title()}`);
      server.hold(true);
      await soon(told, (text) => text.includes('Nothing live for 1 s'), 'the silence');
      server.hold(false);
      await sleep(false);
      await until(({ freshness, missing }) => freshness === 'Live' && missing === 0);
      same((await counters()).skipped, 0, 'bins that were left out');
      await soon(
        () => page.title(),
        (name) => name === 'SYNM6 · Spymaster',
        'the name of the tab',
      );
    },
  },
  {
    name: 'a network that is back is tried at once',
    breaks: true,
    async run({ page, until, server }) {
      server.cut(true);
      await until(({ phase }) => phase === 'retrying');
      const seconds = async (): Promise<number> =>
        Number(/in (\d+) s/.exec(await page.locator('#connection-text').innerText())?.[1] ?? 0);
      await soon(seconds, (left) => left >= 4, 'the wait for the next attempt', 20_000);
      server.cut(false);
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      await until(({ freshness }) => freshness === 'Live', 3000);
    },
  },
  {
    name: 'a network that is back: a connection over which nothing comes is left for a new one',
    breaks: true,
    async run({ page, until, server }) {
      await until(({ freshness }) => freshness === 'Live');
      const { connections } = server;
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      server.hold(true);
      await until(({ latenessMs }) => (latenessMs ?? 0) > 2500);
      same(server.connections, connections, 'connections, of a network that was not away');
      await page.evaluate(() => window.dispatchEvent(new Event('online')));
      server.hold(false);
      await until(({ freshness }) => freshness === 'Live', 3000);
      same(server.connections, connections + 1, 'connections');
    },
  },
];
