/** The page does no more than it has to. */
import type { Page } from 'playwright-core';

import { CATEGORIES, insideFrames } from '../bench/trace';
import { holds, type Scenario } from '../lab';

/** How often functions of the browser are called while the page draws so many frames. */
async function calls(page: Page, names: readonly string[], frames: number): Promise<number> {
  return page.evaluate(
    async ([watched, wanted]) => {
      let times = 0;
      for (const name of watched) {
        const [owner = '', method = ''] = name.split('.');
        const kind = Reflect.get(window, owner) as { prototype?: object };
        const holder = kind.prototype ?? kind;
        const was = Reflect.get(holder, method) as (...given: unknown[]) => unknown;
        Reflect.set(holder, method, function (this: unknown, ...given: unknown[]) {
          times += 1;
          return was.apply(this, given);
        });
      }
      const before = window.__vp.frames;
      while (window.__vp.frames < before + wanted) await new Promise((go) => setTimeout(go, 20));
      return times;
    },
    [names, frames] as const,
  );
}

/** Tells the page's own thread from those of others in a trace. */
const MARK = 'this page';

export const COST: readonly Scenario[] = [
  {
    name: 'no layout is read in a frame, and a paused page draws no layer again',
    async run({ page, until }) {
      await until(({ drawn }) => drawn > 10);
      const reads = await calls(
        page,
        ['Element.getBoundingClientRect', 'Element.getClientRects', 'window.getComputedStyle'],
        15,
      );
      holds(reads === 0, `layout was read ${reads} times in 15 frames`);
      await page.keyboard.press(' ');
      await until(({ freshness }) => freshness === 'Paused');
      await page.waitForTimeout(700);
      const cleared = await calls(page, ['CanvasRenderingContext2D.clearRect'], 4);
      holds(cleared === 0, `${cleared} layers were drawn again while nothing changed`);
    },
  },
  {
    name: 'while bins come, no frame has styles or a layout computed in its midst',
    async run({ page, until }) {
      await until(({ drawn }) => drawn > 10);
      const browser = page.context().browser();
      if (browser === null) throw new Error('the page has no browser to trace');
      await browser.startTracing(page, { categories: [...CATEGORIES, 'blink.user_timing'] });
      await page.evaluate((mark) => performance.mark(mark), MARK);
      await until(({ drawn }) => drawn > 40);
      const trace = await browser.stopTracing();
      const { frames, times } = insideFrames(trace, MARK, ['UpdateLayoutTree', 'Layout']);
      holds(frames > 20, `the trace has ${frames} frames`);
      holds(times === 0, `${times} times in ${frames} frames`);
    },
  },
];
