/** What stands beside and below the map is what came. */
import { THEMES } from '../../src/render/palette';
import { parseHex } from '../../src/render/colormap';
import type { Rect } from '../../src/state/layout';
import { yOf } from '../../src/state/viewport';
import { marketBins } from '../../tests/support/bins';
import { holds, same, soon, type Lab, type Scenario } from '../lab';

const TICK = 250_000_000;
/** Bin that is shown last. */
const LAST = 590;

/** How many pixels of each colour lie in lines of the layer with the axes, by line. */
async function coloured(
  { page }: Lab,
  layer: number,
  { left, right }: Rect,
  lines: readonly number[],
  colours: readonly (readonly number[])[],
): Promise<number[][]> {
  return page.evaluate(
    ([at, from, to, wanted, known]) => {
      const canvas = document.querySelectorAll<HTMLCanvasElement>('#chart canvas')[at];
      const context = canvas?.getContext('2d');
      if (!context) return [];
      return wanted.map((y) => {
        const { data } = context.getImageData(from, y, to - from, 1);
        return known.map((colour) => {
          let pixels = 0;
          for (let x = 0; x < to - from; x += 1)
            if (colour.every((value, part) => data[4 * x + part] === value)) pixels += 1;
          return pixels;
        });
      });
    },
    [layer, left, right, lines, colours] as const,
  );
}

export const BESIDE: readonly Scenario[] = [
  {
    name: 'the ladder has what was traded at each price since the first bin, by aggressor',
    context: { viewport: { width: 1400, height: 900 } },
    query: `&at=09:29:${LAST / 10}&paused=1&rows=12`,
    bins: 1,
    async run(lab) {
      const { page, until, counters } = lab;
      await until(({ missing, view }) => missing === 0 && view !== null);
      const { view, layout } = await counters();
      if (view === null) throw new Error('nothing is shown');
      const box = await page.locator('#heat').boundingBox();
      if (box === null) throw new Error('the map is not shown');
      await page.mouse.move(box.x + box.width - 20, box.y + yOf(view, Math.round(view.centre)));
      const price = page.locator('#reading-price');
      await soon(
        () => price.innerText(),
        (text) => text !== '–',
        'the price at the middle',
      );
      const middle = Math.round(
        (Number((await price.innerText()).replaceAll(',', '')) * 1e9) / TICK,
      );
      await page.mouse.move(2, 2);
      const traded = new Map<number, [number, number]>();
      for (const { update } of marketBins(LAST + 1)) {
        if (update.trade_count === 0) continue;
        // The invented market trades at one price a bin.
        const tick = Math.round(Number(update.last_trade_price_int) / TICK);
        const [buy, sell] = traded.get(tick) ?? [0, 0];
        traded.set(tick, [buy + update.buy_volume, sell + update.sell_volume]);
      }
      const rows = Array.from({ length: 23 }, (_unused, index) => index - 11);
      const wanted = rows.map((row): [number, number] => traded.get(middle + row) ?? [0, 0]);
      const most = Math.max(...wanted.map(([buy, sell]) => buy + sell));
      const lines = rows.map((row) => Math.round(yOf(view, Math.round(view.centre) + row)));
      const { buy, sell } = THEMES.dark;
      const room = Math.round((layout.ladder.right - layout.ladder.left) * 0.32) - 6;
      const wrong = async (): Promise<string[]> => {
        const found = await coloured(lab, 2, layout.ladder, lines, [parseHex(buy), parseHex(sell)]);
        return rows.flatMap((row, index) =>
          [0, 1].flatMap((side) => {
            const should = ((wanted[index]?.[side] ?? 0) / most) * room;
            const is = found[index]?.[side] ?? NaN;
            return Math.abs(is - should) <= 2 ? [] : [`row ${row}: ${is} px, wanted ${should}`];
          }),
        );
      };
      await soon(wrong, (lines) => lines.length === 0, 'bars of the session', 20_000);
      holds(most > 0 && wanted.filter(([b, s]) => b + s > 0).length > 5, 'nothing was traded');
    },
  },
  {
    name: 'lateness is drawn below the map: what came too late in the colour of a warning',
    context: { viewport: { width: 1200, height: 800 } },
    async run(lab) {
      const { until, server, counters } = lab;
      await until(({ drawn, freshness }) => drawn > 20 && freshness === 'Live');
      const { layout } = await counters();
      const { lateness } = layout;
      const lines = Array.from(
        { length: lateness.bottom - lateness.top },
        (_unused, index) => lateness.top + index,
      );
      const late = async (): Promise<number> => {
        const warning = parseHex(THEMES.dark.invalid);
        const found = await coloured(lab, 1, lateness, lines, [warning]);
        return found.reduce((sum, [pixels = 0]) => sum + pixels, 0);
      };
      const before = await late();
      server.hold(true);
      await until(({ freshness }) => freshness === 'Late');
      await lab.page.waitForTimeout(900);
      server.hold(false);
      await until(({ freshness }) => freshness === 'Live');
      await soon(late, (pixels) => pixels > before + 20, `late pixels, ${before} before`);
    },
  },
  {
    name: 'three device pixels a pixel: the map is full and as sharp',
    context: { viewport: { width: 900, height: 420 }, deviceScaleFactor: 3 },
    query: '&at=09:29:59&paused=1',
    bins: 1,
    async run(lab) {
      await lab.until(({ missing, view }) => missing === 0 && view !== null);
      await soon(
        () => lab.lit(),
        (lit) => lit > 0.99,
        "share of the map's width that is drawn",
      );
      const { layout, view } = await lab.counters();
      same([layout.ratio, Number.isInteger(view?.columnPx)], [3, true], 'ratio and whole columns');
      const box = await lab.page.locator('#chart').boundingBox();
      same(layout.width, Math.round((box?.width ?? 0) * 3), 'device pixels of the chart');
    },
  },
  {
    name: 'a phone gets the map and the quotes, whole within its screen',
    context: { viewport: { width: 390, height: 780 }, deviceScaleFactor: 3, hasTouch: true },
    async run({ page, until }) {
      await until(({ drawn }) => drawn > 5);
      for (const id of ['#heat', '#bid-price', '#ask-price', '#connection', '#play']) {
        const box = await page.locator(id).boundingBox();
        if (box === null) throw new Error(`${id} is not shown`);
        const inside = box.x >= 0 && box.x + box.width <= 390 && box.y + box.height <= 780;
        holds(inside && box.width > 20, `${id} is at ${JSON.stringify(box)}`);
      }
      const map = await page.locator('#heat').boundingBox();
      holds((map?.height ?? 0) > 200, `the map is ${map?.height ?? 0} px high`);
    },
  },
];
