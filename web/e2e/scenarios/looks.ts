/** What is shown can be read, at every size. */
import { holds, type Scenario } from '../lab';

export const LOOKS: readonly Scenario[] = [
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
    },
  },
];
