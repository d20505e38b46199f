/** Nothing for axe-core to find, at the sizes that the page is for. */
import { createRequire } from 'node:module';

import { holds, type Lab, type Scenario } from '../lab';

const AXE = createRequire(import.meta.url).resolve('axe-core');

interface Findings {
  violations: { id: string; nodes: { target: unknown[]; failureSummary?: string }[] }[];
}

/** What axe-core finds on the page as it is, in a line each. */
async function found({ page }: Lab): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  const { violations } = await page.evaluate(async () =>
    (window as unknown as { axe: { run: () => Promise<Findings> } }).axe.run(),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id} ${String(target[0])} ${failureSummary}`),
  );
}

async function none(lab: Lab, where: string): Promise<void> {
  const findings = await found(lab);
  holds(findings.length === 0, `${where}: ${findings.join(' | ')}`);
}

export const ACCESS: readonly Scenario[] = [
  {
    name: 'axe-core finds nothing, live, paused with the list of keys, and with two charts',
    context: { bypassCSP: true },
    async run(lab) {
      await none(lab, 'live');
      await lab.page.keyboard.press(' ');
      await lab.until(({ freshness }) => freshness === 'Paused');
      await lab.page.keyboard.press('?');
      await none(lab, 'paused, with the list of keys');
      await lab.page.keyboard.press('?');
      await lab.page.keyboard.press('n');
      await lab.until(({ charts }) => charts.length === 2);
      await none(lab, 'two charts');
    },
  },
  {
    name: 'axe-core finds nothing in the light either',
    context: { bypassCSP: true, colorScheme: 'light' },
    async run(lab) {
      await none(lab, 'live');
      await lab.page.keyboard.press(' ');
      await lab.until(({ freshness }) => freshness === 'Paused');
      await none(lab, 'paused');
    },
  },
  {
    name: '4K: no sideways scroll, all parts shown',
    context: { viewport: { width: 3840, height: 2160 } },
    bins: 1,
    async run({ page, until }) {
      await until(({ view }) => view !== null);
      const widest = await page.evaluate(() => document.documentElement.scrollWidth);
      holds(widest <= 3840, `the page is ${widest} px wide`);
      const { layout } = await page.evaluate(() => ({ ...window.__vp }));
      for (const part of ['heat', 'ladder', 'delta', 'signal'] as const) {
        const { left, right, top, bottom } = layout[part];
        holds(right > left && bottom > top, `the ${part} is not shown`);
      }
    },
  },
];
