/** The whole session, and how fast it is played. */
import { holds, same, soon, type Scenario } from '../lab';

export const SESSION: readonly Scenario[] = [
  {
    name: 'the seek bar shows the session and leads anywhere in it',
    server: { bins: 1200 },
    async run({ page, until, server }) {
      const slider = page.locator('#session');
      const box = await slider.boundingBox();
      if (box === null) throw new Error('the seek bar is not shown');
      await page.mouse.click(box.x + (600 / 36_000) * box.width + 4, box.y + 10);
      await until(({ binSeq, missing }) => binSeq > 300 && missing === 0);
      await page.waitForFunction(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('#session-plot');
        const context = canvas?.getContext('2d');
        if (!canvas || !context) return false;
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        const drawn = new Set<number>();
        data.forEach((value, at) => {
          if (at % 4 === 3 && value > 0) drawn.add(Math.floor(at / 4) % canvas.width);
        });
        // Some 600 of 36,000 bins are there.
        return drawn.size > 4;
      });
      holds(
        server.heard.some((text) => text.includes('"every":225')),
        'the overview was not asked for',
      );
      await slider.focus();
      const before = Number(await slider.inputValue());
      await page.keyboard.press(' ');
      await until(({ paused }) => paused);
      await page.keyboard.press('ArrowRight');
      await until(({ binSeq }) => binSeq >= before);
      holds(/^09:\d\d:\d\d$/.test((await slider.getAttribute('aria-valuetext')) ?? ''), 'no time');
    },
  },
  {
    name: 'speed: told by the server, in the select and from the keyboard',
    async run({ page, until, server }) {
      await page.locator('#speed').selectOption('4');
      await until(({ speed, freshness }) => speed === 4 && freshness === 'Live');
      await page.keyboard.press('>');
      await until(({ speed }) => speed === 10);
      await soon(
        () => page.locator('#speed').inputValue(),
        (value) => value === '10',
        'the select',
      );
      await page.keyboard.press('<');
      await until(({ speed }) => speed === 4);
      await page.keyboard.press('<');
      await page.keyboard.press('<');
      await page.keyboard.press('<');
      await page.keyboard.press('<');
      await until(({ speed, freshness }) => speed === 0.25 && freshness === 'Live');
      await until(({ freshness }) => freshness === 'Live');
      holds(
        server.heard.filter((text) => text.includes('speed')).length === 7,
        'not all was heard',
      );
    },
  },
  {
    name: 'the list on ? has every key',
    async run({ page }) {
      await page.keyboard.press('?');
      const text = await page.locator('#help').innerText();
      for (const key of ['Space', 'R', 'J', 'L', '<', '>', 'End', 'G', '[', ']', '←', '?']) {
        holds(text.includes(key), `the list lacks ${key}`);
      }
      await page.keyboard.press('Escape');
      holds(!(await page.locator('#help').isVisible()), 'the list stays');
    },
  },
  {
    name: 'a reload before the stream has answered keeps the pause of a link',
    query: '&at=09:29:20&paused=1',
    bins: 1,
    async run({ page, until, counters }) {
      for (let times = 0; times < 3; times += 1) {
        await page.reload({ waitUntil: 'commit' });
        await page.waitForFunction(() => '__vp' in window);
      }
      await until(({ view, missing }) => view !== null && missing === 0);
      const { paused, binSeq } = await counters();
      same([paused, binSeq], [true, 200], 'paused, and where');
    },
  },
];
