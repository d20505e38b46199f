/** Several charts beside one another. */
import { addressed, holds, same, soon, type Lab, type Scenario } from '../lab';

/** Where the charts are and how much of each is a picture: names, sizes, and colours of the middle of each map. */
async function charts({ page }: Lab): Promise<{ name: string; width: number; height: number }[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('.pane')].map((pane) => {
      const { width, height } = pane.getBoundingClientRect();
      return {
        name: pane.getAttribute('aria-label') ?? '',
        width: Math.round(width),
        height: Math.round(height),
      };
    }),
  );
}

export const PANES: readonly Scenario[] = [
  {
    name: 'two charts of one serving: beside, moved together, coloured apart, kept in the address, closed',
    context: { viewport: { width: 1400, height: 800 } },
    query: '&at=09:29:30&mode=depth',
    bins: 1,
    async run(lab) {
      const { page, until, counters } = lab;
      const wide = (await charts(lab))[0]?.width ?? 0;
      await page.keyboard.press('n');
      await until(({ charts: both }) => both.length === 2 && both.every(({ drawn }) => drawn > 5));
      const [left, right] = (await counters()).charts;
      same([left?.serving, right?.serving], ['demo', 'demo'], 'what is shown');
      same([left?.mode, right?.mode], ['depth', 'force'], 'the colours');
      holds(Math.abs((left?.binSeq ?? 0) - (right?.binSeq ?? 0)) < 30, 'the moments are far apart');
      const [one, two] = await charts(lab);
      holds(Math.abs((one?.width ?? 0) - (two?.width ?? 0)) <= 2, 'one chart is wider');
      holds((one?.width ?? 0) < 0.51 * wide, 'they do not share the width');

      // The new chart is the active one: its mode is in the radio group, and a key changes only it.
      await page.keyboard.press('7');
      await until(({ charts: both }) => both[1]?.mode === 'state' && both[0]?.mode === 'depth');
      same(await page.locator('[role=radio][aria-checked=true]').innerText(), 'State', 'the mode');
      await page
        .locator('.pane .chart')
        .first()
        .click({ position: { x: 200, y: 200 } });
      const modeOf = async (): Promise<string> =>
        page.locator('[role=radio][aria-checked=true]').innerText();
      await soon(modeOf, (mode) => mode === 'Depth', 'the mode of the chart that was clicked');

      await page.keyboard.press(' ');
      await until(({ charts: both }) => both.every(({ paused }) => paused));
      await page.locator('#seek').fill('#300');
      await page.keyboard.press('Enter');
      await until(({ charts: both }) => both.every(({ binSeq }) => binSeq === 300));
      await page.locator('.pane .chart').nth(1).focus();
      await page.keyboard.press('.');
      await until(({ charts: both }) => both.every(({ binSeq }) => binSeq === 301));

      await page.locator('#pane-stack').click();
      const [above, below] = await charts(lab);
      same(above?.width, below?.width, 'the widths of what is stacked');
      holds((above?.width ?? 0) > 0.99 * wide, 'what is stacked has not the whole width');

      await until(({ missing }) => missing === 0);
      await addressed(
        lab,
        (says) => says.getAll('pane').length === 1 && says.has('stacked'),
        'the charts in the address',
      );
      const before = (await counters()).charts.map(({ mode, binSeq }) => [mode, binSeq]);
      await page.reload();
      await until(({ charts: both }) => both.length === 2 && both.every(({ drawn }) => drawn > 0));
      await until(({ charts: both }) => both.every(({ binSeq }) => binSeq === 301));
      same(
        (await counters()).charts.map(({ mode, binSeq }) => [mode, binSeq]),
        before,
        'the charts after a reload',
      );
      same((await charts(lab))[1]?.width, below?.width, 'the widths after a reload');

      await page.locator('.pane [data-part=close]').first().click();
      await until(({ charts: rest }) => rest.length === 1 && rest[0]?.mode === 'state');
      same((await charts(lab))[0]?.name, 'Chart of demo, State', 'the chart that is left');
      await page.keyboard.press('x');
      same((await charts(lab)).length, 1, 'the last chart');
    },
  },
  {
    name: 'four charts of two servings: each has its own controls, alerts and covers',
    context: { viewport: { width: 1600, height: 900 }, bypassCSP: true },
    server: { servings: ['demo', 'other'] },
    async run(lab) {
      const { page, until, counters } = lab;
      for (const count of [2, 3, 4]) {
        await page.keyboard.press('n');
        await until(
          ({ charts: all }) => all.length === count && all.every(({ drawn }) => drawn > 3),
        );
      }
      same(
        (await counters()).charts.map(({ mode }) => mode).toSorted(),
        ['depth', 'force', 'pressure', 'vacuum'],
        'the colours',
      );
      holds(await page.locator('#pane-add').isDisabled(), 'a fifth chart is offered');
      await page.keyboard.press('n');
      same((await counters()).charts.length, 4, 'the charts');
      await page.locator('#serving').selectOption('other');
      await until(({ charts: all }) => all[3]?.serving === 'other' && all[3].drawn > 3);
      same((await counters()).charts[0]?.serving, 'demo', 'the first chart');
      await page.keyboard.press(' ');
      await until(({ charts: all }) => all[3]?.paused === true);
      same(
        (await counters()).charts.slice(0, 3).map(({ paused }) => paused),
        [false, false, false],
        'the charts of the other serving',
      );
      const sizes = await charts(lab);
      same(new Set(sizes.map(({ width }) => Math.round(width / 4))).size, 1, 'the widths');
      await addressed(
        lab,
        (says) => says.get('serving') === 'other' && says.getAll('pane').length === 3,
        'the charts in the address',
      );
    },
  },
];
