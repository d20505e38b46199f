/** The research page in the light and in the dark. */
import { same } from '../lab';
import { accessible, open, runs, shown, type ResearchScenario } from './research';

export const RESEARCH_LOOKS: readonly ResearchScenario[] = [
  {
    name: 'light or dark as it was chosen on the map, and nothing for axe-core to find in the dark',
    async run(desk) {
      const { page, url } = desk;
      const ground = async (): Promise<string> =>
        page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.emulateMedia({ colorScheme: 'dark' });
      const [run] = (await runs(desk)).runs;
      for (const query of [
        '?view=runs&min_signals=0',
        `?view=run&run=${run?.run_id ?? ''}`,
        '?view=start',
      ]) {
        await open(desk, query);
        same(await ground(), 'rgb(10, 13, 18)', 'the ground as the system says');
        await accessible(desk);
      }
      await page.goto(`${url}/?serving=small`);
      await page.click('#theme');
      await open(desk, '?view=runs');
      same(await ground(), 'rgb(246, 248, 251)', 'the ground as it was chosen on the map');
      await page.keyboard.press('t');
      same(await ground(), 'rgb(10, 13, 18)', 'the ground after T');
      await page.locator('#theme').click();
      await page.reload();
      await shown(page);
      same(await page.getAttribute('#theme', 'aria-label'), 'Theme: as the system', 'the choice');
    },
  },
];
