/** What is shown can be read, at every size. */
import type { Page } from 'playwright-core';

import { holds, same, soon, type Scenario } from '../lab';

/** The colours of the page and of the map's corner that no bin reaches, as [r, g, b]. */
async function grounds(page: Page): Promise<number[][]> {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const context = canvas.getContext('2d');
    const ladder = document.querySelector<HTMLCanvasElement>('#chart canvas:nth-of-type(2)');
    const { delta } = window.__vp.layout;
    if (context === null || ladder === null) throw new Error('no canvas');
    context.drawImage(ladder, -(delta.right - 3), -(delta.top + 3));
    const colour = getComputedStyle(document.body).backgroundColor;
    const body = (colour.match(/\d+/g) ?? []).map(Number);
    return [body.slice(0, 3), [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]];
  });
}

export const LOOKS: readonly Scenario[] = [
  {
    name: 'light or dark: as the system says, until it is chosen, and then kept',
    context: { colorScheme: 'light' },
    async run({ page, until }) {
      const light = [246, 248, 251];
      const dark = [10, 13, 18];
      const shows = async (wanted: number[]): Promise<void> => {
        const endMs = performance.now() + 5000;
        let found: number[][] = [];
        while (performance.now() < endMs) {
          found = await grounds(page);
          if (found.every((colour) => String(colour) === String(wanted))) return;
          await page.waitForTimeout(30);
        }
        throw new Error(`page and map are ${JSON.stringify(found)}, wanted ${String(wanted)}`);
      };
      await shows(light);
      await page.emulateMedia({ colorScheme: 'dark' });
      await shows(dark);
      await page.locator('#theme').click();
      await shows(light);
      await page.reload();
      await until(({ drawn }) => drawn > 3);
      await shows(light);
      await page.keyboard.press('t');
      await page.emulateMedia({ colorScheme: 'light' });
      await shows(dark);
    },
  },
  {
    name: 'no sideways scroll, from a phone to a wide screen',
    async run({ page }) {
      for (const width of [390, 720, 900, 1000, 1181, 1600]) {
        await page.setViewportSize({ width, height: 600 });
        const widest = await page.evaluate(() => document.documentElement.scrollWidth);
        holds(widest <= width, `the page is ${widest} px wide in a window of ${width} px`);
      }
    },
  },
  {
    name: '1440 px: the toolbar is one row in every colour, with one chart and with four',
    context: { viewport: { width: 1440, height: 900 } },
    async run({ page, until }) {
      for (const charts of [1, 2, 4]) {
        while ((await page.locator('[data-part=pane]').count()) < charts)
          await page.keyboard.press('n');
        await until((counters) => counters.charts.length === charts);
        for (const key of ['1', '2', '3', '4', '5', '6', '7']) {
          await page.keyboard.press(key);
          await page.waitForTimeout(100);
          const rows = await page.evaluate(() => {
            const room = document.querySelector('.toolbar')?.getBoundingClientRect();
            const parts = document.querySelectorAll<HTMLElement>(
              '.toolbar :is(button, summary, .legend > *)',
            );
            return [...parts]
              .filter((part) => part.offsetParent !== null && part.closest('.depth-card') === null)
              .map((part) => ({ text: part.textContent, box: part.getBoundingClientRect() }))
              .filter(({ box: { left, right, top, bottom } }) => {
                const within = room && left >= room.left && right <= room.right;
                return !within || top < room.top || bottom > room.bottom || room.height > 50;
              })
              .map(({ text }) => text.trim());
          });
          same(rows, [], `what is not in the row in colour ${key} with ${charts} charts`);
        }
      }
    },
  },
  {
    name: 'the reading of a cell has a corner of its own, and no number with an exponent',
    async run({ page }) {
      const chart = await page.locator('#chart').boundingBox();
      const corner = await page.locator('#reading').boundingBox();
      if (chart === null || corner === null) throw new Error('chart or reading are not shown');
      holds(corner.x >= chart.x + chart.width, 'the reading lies over the map');
      await page.mouse.move(chart.x + chart.width - 260, chart.y + 80);
      await page.waitForFunction(
        () => document.querySelector('#reading-fields dd')?.textContent !== '–',
      );
      const text = await page.locator('#reading').innerText();
      holds(!/\de[+−-]?\d/.test(text), `the reading says ${text}`);
      const moving = page.locator('#reading-moving tbody td');
      same(await moving.count(), 28, 'values with their velocity, acceleration and jerk');
      const unknown = (await moving.allInnerTexts()).filter((value) => !/\d/.test(value));
      same(unknown, [], 'values that are not there');
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('#reading dd, #reading td')]
          .filter((cell) => cell.scrollWidth > cell.clientWidth)
          .map(({ innerText }) => innerText),
      );
      same(cut, [], 'values that are cut');
    },
  },
  ...[
    { width: 900, height: 640 },
    { width: 1440, height: 900 },
  ].map((viewport): Scenario => ({
    name: `at the edges of a map of ${viewport.width} px the reading is whole, and covers no cell`,
    context: { viewport },
    query: '&at=09:29:58&paused=1',
    bins: 1,
    async run({ page, until, counters }) {
      await until(({ missing }) => missing === 0);
      const { left, right, top, bottom } = (await counters()).layout.heat;
      for (const x of [left + 1, right - 2]) {
        for (const y of [top + 1, bottom - 2]) {
          const where = `at ${x}, ${y} of the map`;
          const at = { x: 0, y: 0 };
          const price = async (): Promise<string> => {
            const chart = await page.locator('#chart').boundingBox();
            if (chart === null) throw new Error('the chart is not shown');
            [at.x, at.y] = [chart.x + x, chart.y + y];
            await page.mouse.move(at.x, at.y);
            await page.waitForTimeout(150);
            return page.locator('#reading-price').innerText();
          };
          await soon(price, (text) => text !== '–', `the price ${where}`, 15_000);
          const found = await page.evaluate(whereReadingIs, at);
          same(found, { over: 'chart', covers: false, outside: [], cut: [] }, where);
        }
      }
    },
  })),
];

/** What lies at a point of the map, and which parts of the reading are not whole. */
function whereReadingIs({ x, y }: { x: number; y: number }): {
  over: string | undefined;
  covers: boolean;
  outside: (string | null)[];
  cut: (string | null)[];
} {
  const reading = document.querySelector('#reading');
  if (reading === null) throw new Error('there is no reading');
  const corner = reading.getBoundingClientRect();
  const parts = [...reading.querySelectorAll<HTMLElement>('b, span, dt, dd, th, td')];
  const shown = parts.filter((part) => part.offsetParent !== null);
  const outside = shown.filter((part) => {
    const box = part.getBoundingClientRect();
    const across = box.left < corner.left || box.right > corner.right;
    const down = box.top < corner.top || box.bottom > corner.bottom;
    return across || down || box.right > window.innerWidth || box.bottom > window.innerHeight;
  });
  const cut = shown.filter((part) => part.scrollWidth > part.clientWidth && part.clientWidth > 0);
  return {
    over: document.elementFromPoint(x, y)?.closest('[id=chart], [id=reading]')?.id,
    covers: corner.left <= x && x <= corner.right && corner.top <= y && y <= corner.bottom,
    outside: outside.map(({ textContent }) => textContent),
    cut: cut.map(({ textContent }) => textContent),
  };
}
