/** Measuring, the tape and bookmarks. */
import { same, soon, type Scenario } from '../lab';

export const TOOLS: readonly Scenario[] = [
  {
    name: 'measure with Shift and drag, filter the tape, bookmark and come back',
    context: { viewport: { width: 1400, height: 900 } },
    query: '&at=09:29:58&paused=1',
    bins: 1,
    async run({ page, until, counters }) {
      await until(({ missing, view }) => missing === 0 && view !== null);
      const box = await page.locator('#chart').boundingBox();
      if (box === null) throw new Error('the chart is not shown');
      const brightOf = async (): Promise<number> =>
        page.evaluate(() => {
          const layers = document.querySelectorAll<HTMLCanvasElement>('#chart canvas');
          const top = layers[layers.length - 1];
          const context = top?.getContext('2d');
          if (!top || !context) return 0;
          const { data } = context.getImageData(0, 0, top.width, top.height);
          return data.filter((value, at) => at % 4 === 3 && value > 200).length;
        });
      const before = await counters();
      await page.keyboard.down('Shift');
      await page.mouse.move(box.x + 200, box.y + 150);
      await page.mouse.down();
      await page.mouse.move(box.x + 500, box.y + 320, { steps: 4 });
      await page.mouse.up();
      await page.keyboard.up('Shift');
      await page.mouse.move(box.x + 100, box.y - 30);
      await soon(brightOf, (bright) => bright > 1500, 'what is shown of what was measured');
      same((await counters()).view?.edge, before.view?.edge, 'the edge of the measured map');
      await page.keyboard.press('Escape');
      await soon(brightOf, (bright) => bright === 0, 'what is left after Escape');

      const rows = page.locator('#tape-list li:not([hidden])');
      same(await rows.count(), 24, 'the rows of the tape');
      await page.locator('#tape-side').selectOption('sell');
      await page.locator('#tape-least').fill('20');
      await page.waitForFunction(() =>
        [...document.querySelectorAll<HTMLElement>('#tape-list li:not([hidden])')].every(
          (row) => row.dataset.side === 'sell' && Number(/\d+$/.exec(row.innerText)?.[0]) >= 20,
        ),
      );

      await page.locator('#chart').focus();
      await page.keyboard.press('b');
      const mark = page.locator('#bookmarks button');
      await mark.waitFor();
      same(await mark.getAttribute('aria-label'), 'Bookmark at 09:29:58.0', 'the bookmark');
      await page.locator('#seek').fill('#100');
      await page.keyboard.press('Enter');
      await until(({ binSeq }) => binSeq === 100);
      await mark.click();
      await until(({ binSeq }) => binSeq === 580);
      await page.reload();
      await until(({ view }) => view !== null);
      same(await mark.count(), 1, 'the bookmarks after a reload');
    },
  },
];
