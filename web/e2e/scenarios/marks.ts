/** What only order-level data show: drawn, listed, said under the pointer, told of, and hidden. */
import type { Page } from 'playwright-core';

import { holds, same, soon, type Scenario } from '../lab';

/** How many pixels of the seek bar above its volumes have the hue of buyers or sellers: those of marks. */
async function marksOnBar(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('#session-plot');
    const context = canvas?.getContext('2d');
    if (!canvas || !context) return 0;
    const { data } = context.getImageData(0, 0, canvas.width, Math.floor(canvas.height / 2));
    let coloured = 0;
    for (let at = 0; at < data.length; at += 4) {
      const [red = 0, green = 0, blue = 0, alpha = 0] = data.slice(at, at + 4);
      const hue = Math.max(red, green, blue) - Math.min(red, green, blue);
      if (alpha === 255 && hue > 90) coloured += 1;
    }
    return coloured;
  });
}

export const MARKS: readonly Scenario[] = [
  {
    name: 'marks: shapes on the map, words in the list and under the pointer, an alert, and none when switched off',
    context: { viewport: { width: 1400, height: 1000 } },
    query: '&at=09:29:10&paused=1',
    bins: 1,
    async run({ page, until, counters }) {
      await until(({ missing, view }) => missing === 0 && view !== null);
      const list = page.locator('#marks-list li:not([hidden])');
      await list.first().waitFor();
      const words = await list.allInnerTexts();
      const told = words.some((text) => text.includes('Iceberg bid refreshed: 12 now, 60 shown'));
      holds(told, `the list says ${JSON.stringify(words)}`);
      const inked = async (): Promise<number> =>
        page.evaluate(() => {
          const [, plots] = document.querySelectorAll<HTMLCanvasElement>('#chart canvas');
          const context = plots?.getContext('2d');
          if (!plots || !context) return 0;
          const { data } = context.getImageData(0, 0, plots.width, plots.height);
          return data.filter((value, at) => at % 4 === 3 && value > 200).length;
        });
      const shown = await inked();
      await page.locator('#marks-shown').uncheck();
      await page.waitForTimeout(300);
      const hidden = await inked();
      holds(shown > hidden + 300, `${shown} pixels with marks, ${hidden} without`);
      await page.reload();
      await until(({ missing, view }) => missing === 0 && view !== null);
      same(await page.locator('#marks-shown').isChecked(), false, 'the switch after a reload');
      await page.locator('#marks-shown').check();

      // Bin 80 has one of each; a large ask of 120 rests six ticks above its best ask.
      const { view } = await counters();
      if (view === null) throw new Error('nothing is drawn');
      const box = await page.locator('#heat').boundingBox();
      if (box === null) throw new Error('the map is not shown');
      const x = box.x + box.width - (view.edge - 80.5) * view.columnPx;
      let read = '';
      // From the middle, where the price is, upwards.
      for (let y = box.y + box.height / 2; y > box.y && !read.includes('120 rests'); y -= 6) {
        await page.mouse.move(x, y);
        await until(() => true); // until the frames after it are drawn
        read = await page.locator('#reading-fields .mark dd').innerText();
      }
      holds(read.includes('Large ask: 120 rests'), `under the pointer stands "${read}"`);

      await page.locator('#alert-kind').selectOption('sweep');
      await page.locator('#alert-form button').click();
      await page.keyboard.press('Escape');
      await page.locator('#chart').focus();
      await page.keyboard.press('Space');
      await page.waitForFunction(() =>
        (document.querySelector<HTMLElement>('#alert-list')?.innerText ?? '').includes(
          'Sweep: 61 bought at 3 prices in one event',
        ),
      );
    },
  },
  {
    name: 'marks of the whole session lie on its bar, and the pointer there says what they are',
    context: { viewport: { width: 1400, height: 800 } },
    query: '&at=09:30:10&paused=1',
    bins: 1,
    async run({ page, until }) {
      await until(({ missing, view }) => missing === 0 && view !== null);
      await soon(
        () => marksOnBar(page),
        (pixels) => pixels > 20,
        'pixels of marks on the bar',
        15_000,
      );
      const slider = page.locator('#session');
      const box = await slider.boundingBox();
      if (box === null) throw new Error('the bar is not shown');
      await page.mouse.move(box.x + (100 / 36_000) * box.width, box.y + box.height / 2);
      const title = async (): Promise<string> => (await slider.getAttribute('title')) ?? '';
      await soon(title, (text) => text.startsWith('09:29:00 to 09:29:22'), 'the time there');
      const told = await title();
      for (const words of ['Large ask: 120 rests', 'Large bid pulled: 80, 3 ticks away'])
        holds(told.includes(words), `the bar says "${told}"`);
      await page.locator('#marks-shown').uncheck();
      await soon(
        () => marksOnBar(page),
        (pixels) => pixels === 0,
        'pixels of marks when switched off',
      );
    },
  },
];
