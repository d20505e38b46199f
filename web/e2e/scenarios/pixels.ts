/** The map shows what came: pixels of known cells, in each colour mode. */
import { colourPosition, colourTable, TABLE_SIZE } from '../../src/render/colormap';
import { CHANNELS, fillColumn } from '../../src/render/column';
import { MODES, type Mode } from '../../src/state/modes';
import { xOf, yOf, type Viewport } from '../../src/state/viewport';
import { longestProjection } from '../../src/wire/cells';
import { frameWith, LAYOUT, marketBins, pack } from '../../tests/support/bins';
import { holds, type Lab, type Scenario } from '../lab';

const BINS = 600;
const RADIUS = (LAYOUT.rows - 1) / 2;
const TICK = 250_000_000;

/** Colours of the map at points of the chart, as [r, g, b]. */
async function coloursAt(
  { page }: Lab,
  points: readonly (readonly number[])[],
): Promise<number[][]> {
  const png = (await page.locator('#heat').screenshot()).toString('base64');
  return page.evaluate(
    async ([data, wanted]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [image.width, image.height];
      const context = canvas.getContext('2d');
      if (context === null) throw new Error('no canvas');
      context.drawImage(image, 0, 0);
      return wanted.map(([x = 0, y = 0]) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)]);
    },
    [png, points] as const,
  );
}

/** The number at the end of the legend that is not 0: the scale is as what came. */
async function rangeOf({ page }: Lab, mode: Mode): Promise<number> {
  if (mode.range !== null) return mode.range;
  const end = mode.half === 'low' ? '#legend-low' : '#legend-high';
  const text = await page.locator(end).innerText();
  return Number(text.replace(/[^\d.]/g, ''));
}

/** Price in ticks of the row at the middle of the map, by what is read there. */
async function middleTick(lab: Lab, view: Viewport): Promise<number> {
  const box = await lab.page.locator('#heat').boundingBox();
  if (box === null) throw new Error('the map is not shown');
  await lab.page.mouse.move(box.x + box.width - 20, box.y + yOf(view, Math.round(view.centre)));
  await lab.page.waitForFunction(
    () => !(document.querySelector('#reading-price')?.textContent ?? '–').startsWith('–'),
  );
  const price = await lab.page.locator('#reading-price').innerText();
  return Math.round((Number(price.replaceAll(',', '')) * 1e9) / TICK);
}

/** The colour of a value, as [r, g, b]. */
function colourOf(value: number, range: number, { kind, curve }: Mode): number[] {
  const entry = Math.round(colourPosition(value, range, curve) * (TABLE_SIZE - 1)) * 4;
  return [...colourTable(kind).slice(entry, entry + 3)];
}

export const PIXELS: readonly Scenario[] = [
  {
    name: 'pixels of known cells have the colour of their value, in each of the colour modes',
    context: { viewport: { width: 1200, height: 800 } },
    query: `&at=09:29:${((BINS - 1) / 10).toFixed(1)}&paused=1&zoom=8&rows=12`,
    bins: 1,
    async run(lab) {
      const { page, until, counters } = lab;
      await until(({ missing, view }) => missing === 0 && view !== null);
      const { view } = await counters();
      if (view === null) throw new Error('nothing is shown');
      const middle = await middleTick(lab, view);
      await page.mouse.move(2, 2);
      await page.evaluate(() => {
        const over = document.querySelectorAll<HTMLElement>('#chart canvas:not(#heat)');
        for (const layer of over) layer.style.visibility = 'hidden';
      });
      const bins = marketBins(BINS);
      const projection = longestProjection(LAYOUT.columns);
      for (const [channel, mode] of MODES.entries()) {
        await page.keyboard.press(String(channel + 1));
        await page.locator(`[role=radio][aria-checked=true]:text-is("${mode.label}")`).waitFor();
        await until(() => true);
        const range = await rangeOf(lab, mode);
        const cells = [BINS - 1, BINS - 2, BINS - 7, BINS - 30].flatMap((seq) =>
          [-9, -4, -2, -1, 0, 1, 3, 8].map((row) => ({
            seq,
            cell: Math.round(view.centre) + row,
            row,
          })),
        );
        const wanted = cells.map(({ seq, row }) => {
          const bin = bins[seq];
          if (bin === undefined) throw new Error(`there is no bin ${seq}`);
          const column = new Float32Array(LAYOUT.rows * CHANNELS);
          fillColumn({ ...frameWith({}), cells: pack(bin) }, LAYOUT.rows, column, projection);
          const spot = Math.round(Number(bin.update.spot_ref_price_int) / TICK);
          const value = column[(middle + row - spot + RADIUS) * CHANNELS + channel] ?? NaN;
          return colourOf(value, range, mode);
        });
        const found = await coloursAt(
          lab,
          cells.map(({ seq, cell }) => [xOf(view, seq + 0.5), yOf(view, cell)]),
        );
        const wrong = cells.flatMap(({ seq, row }, at) => {
          const [is, should] = [found[at] ?? [], wanted[at] ?? []];
          // Processors differ in the last bit of a logarithm: the next entry of the table is as good.
          const same = is.every((value, index) => Math.abs(value - (should[index] ?? -99)) <= 4);
          return same ? [] : [`bin ${seq} row ${row}: ${String(is)}, wanted ${String(should)}`];
        });
        holds(wrong.length === 0, `${mode.label}, range ${range}: ${wrong.slice(0, 4).join('; ')}`);
        holds(new Set(wanted.map(String)).size > 1, `${mode.label}: all of one colour`);
      }
    },
  },
];
