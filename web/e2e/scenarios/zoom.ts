/** Time is zoomed out to the whole session: columns of several bins, from the history and from the bins that come. */
import type { Viewport } from '../../src/state/viewport';
import { addressed, holds, same, soon, type Lab, type Scenario } from '../lab';

/** An hour that was played before, of a market that begins again every minute. */
const HOUR = { bins: 36_000, ready: 36_000, cycle: 600 };

interface Point {
  x: number;
  y: number;
}

/** The chart's corner in the window. */
async function originOf({ page }: Lab): Promise<Point> {
  const box = await page.locator('#chart').boundingBox();
  if (box === null) throw new Error('the chart is not shown');
  return { x: box.x, y: box.y };
}

async function viewOf({ counters }: Lab): Promise<Viewport> {
  const { view } = await counters();
  if (view === null) throw new Error('nothing is shown');
  return view;
}

/** Bin position at `x`, CSS px of the chart. */
function binAt({ edge, heat, columnPx, every }: Viewport, x: number): number {
  return (edge - (heat.right - x) / columnPx) * every;
}

/** Bins in a pixel. */
function binsOfPixel({ every, columnPx }: Viewport): number {
  return every / columnPx;
}

/** One notch of the wheel, and the view after it. */
async function turn(lab: Lab, deltaY: number): Promise<Viewport> {
  const before = await viewOf(lab);
  await lab.page.mouse.wheel(0, deltaY);
  await soon(
    () => viewOf(lab),
    (view) => binsOfPixel(view) !== binsOfPixel(before),
    'the wheel does not zoom',
  );
  return viewOf(lab);
}

async function filled(lab: Lab): Promise<void> {
  await lab.until(({ missing, view }) => missing === 0 && view !== null);
}

async function drag(lab: Lab, from: Point, to: Point): Promise<void> {
  const origin = await originOf(lab);
  await lab.page.mouse.move(origin.x + from.x, origin.y + from.y);
  await lab.page.mouse.down();
  await lab.page.mouse.move(origin.x + to.x, origin.y + to.y, { steps: 4 });
  await lab.page.mouse.up();
}

function coarseRequests({ server }: Lab, every: number): number {
  return server.heard.filter((text) => text.includes(`"every":${every}}`)).length;
}

export const ZOOM: readonly Scenario[] = [
  {
    name: 'the wheel zooms out to the whole session, and in at the cursor',
    server: HOUR,
    query: '&at=10:28:00&paused=1',
    bins: 1,
    async run(lab) {
      const { page, until, counters } = lab;
      await filled(lab);
      const origin = await originOf(lab);
      // Further left the map would have to begin before the session to keep a place there.
      const x = 200;
      await page.mouse.move(origin.x + x, origin.y + 100);
      let view = await viewOf(lab);
      const levels = new Set<number>();
      for (let notches = 0; binAt(view, view.heat.left) > 0; notches += 1) {
        holds(notches < 40, 'the wheel does not lead to the whole session');
        levels.add(view.every);
        view = await turn(lab, 100);
      }
      same([...levels], [1, 10, 100, 600].slice(0, levels.size), 'the levels on the way');
      holds(levels.size >= 3, `levels on the way: ${[...levels].join(', ')}`);
      await filled(lab);
      await soon(
        () => lab.lit(),
        (lit) => lit > 0.9,
        "share of the map's width that is drawn",
      );
      const bin = binAt(view, x);
      while (view.every > 1 || view.columnPx < 4) {
        view = await turn(lab, -100);
        await soon(
          () => viewOf(lab),
          (now) => Math.abs(binAt(now, x) - bin) / binsOfPixel(now) <= 1.01,
          `bin ${bin} does not stay at the pointer`,
        );
      }
      // Far further back than the page keeps bins that came live.
      await filled(lab);
      await soon(
        () => lab.lit(),
        (lit) => lit > 0.99,
        'share of the map that is drawn, far back',
      );
      holds(binAt(view, x) < (await counters()).binSeq - 10_000, 'the place is not far back');
      await page.mouse.dblclick(origin.x + x, origin.y + 100);
      await until(({ followsTime, missing }) => followsTime && missing === 0);
    },
  },
  {
    name: 'a drag at columns of ten seconds is filled from the history, and live goes on',
    server: { ...HOUR, rate: 60 },
    query: '&at=10:20:00&paused=1&zoom=0.06',
    bins: 1,
    async run(lab) {
      const { page, until, counters } = lab;
      await filled(lab);
      const before = await viewOf(lab);
      same([before.every, before.columnPx], [100, 6], 'the columns');
      await drag(lab, { x: 60, y: 100 }, { x: 330, y: 100 });
      await until(({ followsTime }) => !followsTime);
      await soon(
        () => viewOf(lab),
        (now) => Math.abs(binAt(now, 330) - binAt(before, 60)) / binsOfPixel(now) <= 1.01,
        'what was pressed is not at the pointer',
      );
      await filled(lab);
      await soon(
        () => lab.lit(),
        (lit) => lit > 0.99,
        "share of the map's width that is drawn",
      );
      await soon(
        () => page.locator('#reading-time').innerText(),
        (text) => /^\d\d:\d\d:\d0 to \d\d:\d\d:\d0 · #\d+99$/.test(text),
        'the reading of a column',
      );
      const origin = await originOf(lab);
      await page.mouse.dblclick(origin.x + 100, origin.y + 100);
      await until(({ followsTime, missing }) => followsTime && missing === 0);
      const { binSeq } = await counters();
      await page.keyboard.press(' ');
      await until((now) => !now.paused && now.binSeq > binSeq + 130);
      await until(({ missing, followsTime }) => followsTime && missing === 0);
      const view = await viewOf(lab);
      const late = ((await counters()).binSeq + 1 - view.edge * view.every) / binsOfPixel(view);
      holds(late > -1 && late < 12, `the right edge is ${late} px behind the newest bin`);
    },
  },
  {
    name: 'a reload at columns of ten seconds shows the same',
    server: HOUR,
    query: '&at=10:20:00&paused=1&zoom=0.06',
    bins: 1,
    async run(lab) {
      const { page } = lab;
      await filled(lab);
      await drag(lab, { x: 100, y: 100 }, { x: 250, y: 100 });
      await lab.until(({ followsTime, missing }) => !followsTime && missing === 0);
      await page.keyboard.press('-');
      await lab.until(({ view, missing }) => view?.columnPx === 4 && missing === 0);
      await addressed(lab, (says) => says.get('zoom') === '0.04', 'the zoom in the address');
      const before = await viewOf(lab);
      for (let times = 0; times < 2; times += 1) {
        await page.reload();
        await page.waitForFunction(() => '__vp' in window);
        await lab.until(({ view, missing, paused }) => view !== null && missing === 0 && paused);
        const after = await viewOf(lab);
        same([after.every, after.columnPx], [before.every, before.columnPx], 'the columns');
        const away = Math.abs(after.edge - before.edge) * after.columnPx;
        holds(away <= 1.01, `the right edge is ${away} px from where it was`);
      }
      await soon(
        () => lab.lit(),
        (lit) => lit > 0.99,
        "share of the map's width that is drawn",
      );
      holds(coarseRequests(lab, 100) > 0, 'no columns were asked for');
    },
  },
  {
    name: 'a column that is not over grows with each bin, and is then what the server says of it',
    // Slow: the column is to last longer than the test.
    server: { ...HOUR, rate: 5 },
    query: '&at=10:20:00&paused=1&zoom=0.16',
    bins: 1,
    async run(lab) {
      const { page, until, counters, server } = lab;
      await filled(lab);
      const view = await viewOf(lab);
      same([view.every, view.columnPx], [100, 16], 'the columns');
      const { binSeq: first } = await counters();
      same(first % 100, 0, 'the place of the first bin in its column');
      const { x, y } = await originOf(lab);
      const { layout } = await counters();
      await page.mouse.move(x + layout.heat.right - 0.5, y + layout.heat.bottom / 2);
      const asked = server.heard.length;
      await page.keyboard.press(' ');
      await until(({ binSeq }) => binSeq >= first + 12);
      // The reading follows in the frames after a bin.
      const read = await page.evaluate(async () => {
        const seen: { last: number; head: number }[] = [];
        const ends = new Set<number>();
        for (let times = 0; times < 120 && ends.size < 6; times += 1) {
          const text = document.querySelector('#reading-time')?.textContent ?? '';
          const last = Number(/#(\d+)/.exec(text)?.[1]);
          ends.add(last);
          seen.push({ last, head: window.__vp.binSeq });
          await new Promise((done) => setTimeout(done, 50));
        }
        return seen;
      });
      const lasts = [...new Set(read.map(({ last }) => last))];
      same(
        lasts,
        [...lasts].sort((a, b) => a - b),
        'the last bins of the column as it grows',
      );
      holds(lasts.length >= 6, `the column was read with as many ends as ${lasts.join(', ')}`);
      holds(
        read.every(({ last, head }) => last > first && last <= head && last < first + 100),
        `the column and the newest bin: ${JSON.stringify(read)}`,
      );
      await page.keyboard.press(' ');
      await until(({ paused, binSeq, followsTime }) => paused && followsTime && binSeq > first);
      const { binSeq: last } = await counters();
      holds(last < first + 99, `the column is over at ${last}`);
      /** The reading at a height of the map, in rows from its middle. */
      const readAt = async (of: typeof page, row: number): Promise<string[]> => {
        const { view: now } = await of.evaluate(() => ({ ...window.__vp }));
        const chart = await of.locator('#chart').boundingBox();
        if (now === null || chart === null) return [];
        const down = (now.heat.top + now.heat.bottom) / 2 + row * now.rowPx;
        await of.mouse.move(chart.x + now.heat.right - 0.5, chart.y + down);
        // A picture or two later the pointer's cell is read.
        await of.waitForTimeout(250);
        return Promise.all(
          ['time', 'price', 'fields', 'moving'].map((part) =>
            of.locator(`#reading-${part}`).innerText(),
          ),
        );
      };
      let made: string[] = [];
      await soon(
        async () => {
          const before = JSON.stringify(made);
          made = await readAt(page, 0);
          return made[0]?.endsWith(`#${last}`) === true && JSON.stringify(made) === before;
        },
        (settled) => settled,
        `the reading of the column up to bin ${last}`,
      );
      const since = server.heard.slice(asked).filter((text) => text.includes('"history"'));
      const told = since.filter((text) => Number(/"to":(\d+)/.exec(text)?.[1]) >= first);
      same(told, [], 'what was asked of the column that the page has all bins of');

      const other = await page.context().newPage();
      const at = `10:20:0${((last - first) / 10).toFixed(1)}`;
      await other.goto(`${lab.address}?serving=demo&at=${at}&paused=1&zoom=0.16`);
      await other.waitForFunction(() => '__vp' in window && window.__vp.view !== null);
      await other.waitForFunction(() => window.__vp.missing === 0);
      same(await other.evaluate(() => window.__vp.binSeq), last, 'the bin that the link leads to');
      // Prices glide: that price may lie in another row there.
      let sent: string[] = [];
      for (let row = -8; row <= 8 && sent[1] !== made[1]; row += 0.5)
        sent = await readAt(other, row);
      same(sent, made, 'the column as it was sent, and as the page had made it');
      await other.close();
    },
  },
];
