/** What the user asked to be told of is told. */
import { holds, same, type Scenario } from '../lab';

export const ALERTS: readonly Scenario[] = [
  {
    name: 'alerts: a price and a silence are told of, listed with their times, and kept',
    context: { viewport: { width: 1400, height: 900 } },
    async run({ page, until, server }) {
      const add = async (kind: string, value?: string): Promise<void> => {
        await page.locator('#alert-kind').selectOption(kind);
        if (value !== undefined) await page.locator('#alert-value').fill(value);
        await page.locator('#alert-form button').click();
      };
      await add('above', 'high');
      const problem = await page.locator('#alert-problem').innerText();
      holds(problem.includes('is not a price'), `a wrong price is answered with "${problem}"`);
      await add('above', '5,900');
      await add('bearish');
      await add('stale', '1');
      same(await page.locator('#alert-rules li').count(), 3, 'the rules');
      same(
        await page.locator('#alert-sound').isChecked(),
        false,
        'the sound before it is asked for',
      );
      // Bins 300 to 321 have no valid book; the signal turns bearish near bin 440.
      await page.locator('#seek').fill('#430');
      await page.keyboard.press('Enter');
      await until(({ binSeq }) => binSeq >= 430);
      server.hold(true);
      await page.waitForFunction(() => {
        const flash = document.querySelector<HTMLElement>('#flash');
        return flash?.hidden === false && flash.innerText.startsWith('Nothing live for 1 s: Late');
      });
      server.hold(false);
      const list = page.locator('#alert-list li');
      const told = await list.first().innerText();
      holds(/^\d\d:\d\d:\d\d\s*Nothing live for 1 s: Late$/.test(told), `the list says "${told}"`);
      await page.locator('#alert-rules button').first().click();
      await page.waitForFunction(() => document.querySelectorAll('#alert-rules li').length === 2);
      await page.reload();
      await until(({ drawn }) => drawn > 2);
      same(await page.locator('#alert-rules li').count(), 2, 'the rules after a reload');
      holds((await list.count()) >= 1, 'the list is not kept');
      await page.locator('#alert-clear').click();
      await page.waitForFunction(
        () => document.querySelector('#alert-list')?.childElementCount === 0,
      );
    },
  },
];
