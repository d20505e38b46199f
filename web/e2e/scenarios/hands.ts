/** Keyboard, wheel and drag do what the hand expects. */
import type { Page } from 'playwright-core';

import type { Viewport } from '../../src/state/viewport';
import { holds, same, type Lab, type Scenario } from '../lab';

interface Point {
  x: number;
  y: number;
}

/** The next picture, drawn. */
async function redrawn({ page }: Lab): Promise<void> {
  await page.evaluate(async () => {
    const before = window.__vp.frames;
    while (window.__vp.frames < before + 2) await new Promise((done) => setTimeout(done, 10));
  });
}

async function viewOf(lab: Lab): Promise<Viewport> {
  await redrawn(lab);
  const { view } = await lab.counters();
  if (view === null) throw new Error('nothing is shown');
  return view;
}

/** Bin and cell position at a point in CSS px of the chart. */
function placeAt(view: Viewport, at: Point, ratio: number): { seq: number; cell: number } {
  const middle = (view.heat.top + view.heat.bottom) / 2;
  return {
    seq: view.edge - (view.heat.right - at.x * ratio) / view.columnPx,
    cell: view.centre + (middle - at.y * ratio) / view.rowPx,
  };
}

async function originOf(page: Page): Promise<Point> {
  const box = await page.locator('#chart').boundingBox();
  if (box === null) throw new Error('the chart is not shown');
  return { x: box.x, y: box.y };
}

async function pausedWith(lab: Lab, bins: number): Promise<void> {
  await lab.until(({ binSeq }) => binSeq >= bins);
  await lab.page.keyboard.press(' ');
  await lab.until(({ freshness }) => freshness === 'Paused');
}

/** The view once it stands still: the edge of a map that was playing glides to its last bin. */
async function restingView(lab: Lab): Promise<Viewport> {
  let view = await viewOf(lab);
  for (let looks = 0; looks < 50; looks += 1) {
    await lab.page.waitForTimeout(100);
    const next = await viewOf(lab);
    if (next.edge === view.edge) return next;
    view = next;
  }
  throw new Error('the edge of a paused map goes on moving');
}

/** Zooms through all steps and back, and drags at each; what was under the pointer has to stay there. */
async function zoomAndDrag(lab: Lab, ratio: number): Promise<void> {
  const { page } = lab;
  await pausedWith(lab, 280);
  const origin = await originOf(page);
  const at = { x: 300, y: 120 };
  await page.mouse.move(origin.x + at.x, origin.y + at.y);
  /** Waits until what was at the pointer before is at `to`, in the view that is `changed`. */
  const near = async (
    before: Viewport,
    to: Point,
    what: string,
    changed: (view: Viewport) => boolean = () => true,
  ): Promise<Viewport> => {
    const was = placeAt(before, at, ratio);
    const endMs = performance.now() + 10_000;
    let after = before;
    while (performance.now() < endMs) {
      after = await viewOf(lab);
      const is = placeAt(after, to, ratio);
      const x = Math.abs(was.seq - is.seq) * after.columnPx;
      const y = Math.abs(was.cell - is.cell) * after.rowPx;
      if (changed(after) && x <= 1.01 && y <= 1.01) return after;
    }
    throw new Error(`${what}: ${JSON.stringify({ before, after })}`);
  };
  let view = await viewOf(lab);
  for (const notch of [-100, -100, 100]) {
    const { columnPx } = view;
    await page.mouse.wheel(0, notch);
    const next = await near(view, at, `zoom at ${columnPx} px`, (now) => now.columnPx !== columnPx);
    const to = { x: at.x + 37, y: at.y + 23 };
    await page.mouse.down();
    await page.mouse.move(origin.x + to.x, origin.y + to.y, { steps: 3 });
    await near(next, to, `drag at ${next.columnPx} px`);
    await page.mouse.move(origin.x + at.x, origin.y + at.y);
    await page.mouse.up();
    view = await near(next, at, `drag back at ${next.columnPx} px`);
  }
  const { rowPx } = view;
  await page.keyboard.down('Shift');
  await page.mouse.wheel(0, -100);
  await page.keyboard.up('Shift');
  const taller = await near(view, at, 'price zoom', (now) => now.rowPx > rowPx);
  await page.mouse.move(origin.x + taller.heat.right / ratio + 20, origin.y + at.y);
  await page.mouse.wheel(0, 100);
  await near(taller, at, 'the wheel over the axis', (now) => now.rowPx === rowPx);
  holds(!(await lab.counters()).followsTime, 'a dragged view does not hold');
  await page.mouse.dblclick(origin.x + at.x, origin.y + at.y);
  await redrawn(lab);
  holds((await lab.counters()).followsTime, 'a double click does not lead back to live');
}

/** Words of the messages that the page sent, acknowledgements left out. */
function said({ server }: Lab): string[] {
  return server.heard
    .map((text) => (JSON.parse(text) as { type: string }).type)
    .filter((type) => !['ack', 'follow', 'history'].includes(type));
}

export const HANDS: readonly Scenario[] = [
  {
    name: 'Space is pause, also on a button that was clicked',
    async run(lab) {
      await lab.page.locator('#forward').click();
      await lab.page.keyboard.press(' ');
      await lab.until(({ paused }) => paused);
      await lab.page.locator('#modes button').nth(1).focus();
      await lab.page.keyboard.press(' ');
      await lab.until(({ paused }) => !paused);
      // The page knows before the server has heard.
      const endMs = performance.now() + 5000;
      while (said(lab).length < 3 && performance.now() < endMs) await lab.page.waitForTimeout(20);
      same(said(lab), ['seek', 'pause', 'resume'], 'what the server heard');
    },
  },
  {
    name: 'arrow keys stay in the radio group',
    async run(lab) {
      const { page } = lab;
      const checked = page.locator('#modes [aria-checked=true]');
      await checked.focus();
      const first = await checked.innerText();
      await page.keyboard.press('ArrowRight');
      await redrawn(lab);
      holds((await checked.innerText()) !== first, 'the arrow key chooses nothing');
      holds(await checked.evaluate((it) => it === document.activeElement), 'the focus stayed');
      await page.keyboard.press('ArrowLeft');
      await redrawn(lab);
      same(await checked.innerText(), first, 'the mode after going back');
      holds((await lab.counters()).followsTime, 'the view was moved');
    },
  },
  {
    name: 'after the end Space plays again, and R after it does not pause',
    server: { bins: 15, rate: 30 },
    async run(lab) {
      await lab.until(({ phase }) => phase === 'ended');
      await lab.page.keyboard.press(' ');
      await lab.page.keyboard.press('r');
      await lab.until(({ phase }) => phase === 'streaming');
      await lab.until(({ phase, paused, binSeq }) => phase === 'ended' && !paused && binSeq === 14);
    },
  },
  {
    name: 'zoom at the cursor and exact drags',
    server: { rate: 150 },
    run: (lab) => zoomAndDrag(lab, 1),
  },
  {
    name: 'zoom at the cursor and exact drags, two device pixels a pixel',
    server: { rate: 150 },
    context: { deviceScaleFactor: 2, viewport: { width: 900, height: 420 } },
    run: (lab) => zoomAndDrag(lab, 2),
  },
  {
    name: 'a drag with little history leaves the map full',
    async run(lab) {
      await pausedWith(lab, 20);
      const before = await restingView(lab);
      const origin = await originOf(lab.page);
      await lab.page.mouse.move(origin.x + 200, origin.y + 100);
      await lab.page.mouse.down();
      await lab.page.mouse.move(origin.x + 600, origin.y + 300, { steps: 4 });
      await lab.page.mouse.up();
      const after = await restingView(lab);
      same(after.edge, before.edge, 'the right edge');
      const height = after.heat.bottom - after.heat.top;
      const moved = Math.abs(after.centre - before.centre) * after.rowPx;
      holds(moved <= 0.5 * height, `the map is moved ${moved} of ${height} px out of sight`);
    },
  },
  {
    name: 'the go-to box says what is possible, in times',
    async run({ page, until }) {
      const problem = page.locator('#seek-problem');
      for (const text of ['abc', '16:00:00']) {
        await page.locator('#seek').fill(text);
        await page.keyboard.press('Enter');
        const answer = await problem.innerText();
        holds(answer.includes('Possible: 09:29:00 to 10:28:59'), `${text} answers "${answer}"`);
      }
      await page.locator('#seek').fill('9:29:12');
      holds(!(await problem.isVisible()), 'the answer stays while another is typed');
      await page.keyboard.press('Enter');
      await until(({ binSeq }) => binSeq >= 120);
    },
  },
];
