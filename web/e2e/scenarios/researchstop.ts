/** Stopping an experiment that was started on the page. Comes last: what had been computed by then stays in the lake. */
import { holds } from '../lab';
import { accessible, open, type ResearchScenario } from './research';

/** Windows of a sweep that takes long enough to be stopped in the middle: the most that an axis may have. */
const WINDOWS = Array.from({ length: 1000 }, (_, i) => 60 + i).join(', ');

export const RESEARCH_STOP: readonly ResearchScenario[] = [
  {
    name: 'stop an experiment that runs: it ends, says that what it stored stays, and can be started again',
    async run(desk) {
      const { page } = desk;
      await open(desk, '?view=start');
      const yaml = await page.inputValue('#yaml');
      const long = yaml
        .replace(/^name: .*$/m, 'name: stopped')
        .replace(/zscore_window_bins: \[.*\]/, `zscore_window_bins: [${WINDOWS}]`);
      holds(long.includes(WINDOWS) && long.includes('name: stopped'), `the spec is "${yaml}"`);
      await page.fill('#yaml', long);
      await page.click('#start');
      const counted = (): Promise<unknown> =>
        page.waitForFunction(
          () => (document.querySelector<HTMLProgressElement>('#started progress')?.value ?? 0) > 0,
          undefined,
          { timeout: 60_000 },
        );
      await counted();
      await page.click('#stop');
      await page.waitForSelector('#started[data-state=stopped]', { timeout: 30_000 });
      const said = await page.innerText('#started');
      holds(said.includes('Experiment stopped: stopped'), `the page says "${said}"`);
      holds(said.includes('what it has stored stays'), `the page says "${said}"`);
      holds(await page.locator('#stop').isHidden(), 'Stop is shown when nothing runs');
      await accessible(desk);
      await page.reload();
      await page.waitForSelector('#started[data-state=stopped]');
      await page.fill('#yaml', long);
      await page.click('#start');
      await counted();
      await page.click('#stop');
      await page.waitForSelector('#started[data-state=stopped]', { timeout: 30_000 });
    },
  },
];
