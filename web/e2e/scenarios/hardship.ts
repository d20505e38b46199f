/** What the machine and the network do to a page: it stays truthful, and is whole again when it is over. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { SlowLink } from '../../tests/support/slowlink';
import { holds, same, type Lab, type Scenario } from '../lab';

const KB = 1024;
const SERVE = fileURLToPath(new URL('../../tests/support/serve.ts', import.meta.url));

/** A server in a process of its own, and its address. */
async function serverProcess(pages: string, port = '0'): Promise<[ChildProcess, string]> {
  const options = ['--port', port, '--pages', pages];
  const child = spawn(process.execPath, ['--import', 'tsx', SERVE, ...options]);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return [child, line.toString().trim()];
}

async function filled(lab: Lab): Promise<void> {
  await lab.until(({ missing, view }) => missing === 0 && view !== null);
  const endMs = performance.now() + 10_000;
  let lit = 0;
  while (lit <= 0.99 && performance.now() < endMs) {
    await lab.page.waitForTimeout(200);
    lit = await lab.lit();
  }
  holds(lit > 0.99, `${Math.round(100 * lit)} % of the map's width is drawn`);
}

/** Takes the map's WebGL context away, or gives it back. */
async function context({ page }: Lab, there: boolean): Promise<void> {
  await page.evaluate((restore) => {
    const holder = globalThis as { lost?: WEBGL_lose_context | null };
    const gl = document.querySelector<HTMLCanvasElement>('#heat')?.getContext('webgl2');
    holder.lost ??= gl?.getExtension('WEBGL_lose_context') ?? null;
    if (restore) holder.lost?.restoreContext();
    else holder.lost?.loseContext();
  }, there);
}

export const HARDSHIP: readonly Scenario[] = [
  {
    name: 'a lost WebGL context: the map is whole again, live and paused',
    query: '&at=09:29:59',
    async run(lab) {
      await filled(lab);
      await context(lab, false);
      await lab.until(({ received }) => received > 8);
      await context(lab, true);
      await filled(lab);
      await lab.page.keyboard.press(' ');
      await lab.until(({ freshness }) => freshness === 'Paused');
      await context(lab, false);
      await lab.page.waitForTimeout(300);
      holds((await lab.lit()) < 0.5, 'the test takes nothing away');
      await context(lab, true);
      await filled(lab);
    },
  },
  {
    name: 'no WebGL: drawn on a plain canvas, as whole',
    query: '&at=09:29:59',
    before: `
      const getContext = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function (kind, ...given) {
        return kind === 'webgl2' ? null : getContext.call(this, kind, ...given);
      };
    `,
    async run(lab) {
      same((await lab.counters()).renderer, 'canvas', 'the renderer');
      await filled(lab);
      await lab.page.keyboard.press('3');
      await filled(lab);
    },
  },
  {
    name: 'a link of 60 KB/s: late and grey, nothing torn, and live when it is over',
    async run(lab) {
      const { page, server, address } = lab;
      const link = new SlowLink(new URL(address).host);
      try {
        await page.goto(`http://${await link.listen()}/?serving=demo`);
        await lab.until(({ drawn, freshness }) => drawn > 10 && freshness === 'Live');
        link.slowTo(60 * KB);
        await lab.until(({ freshness }) => freshness === 'Late');
        const panel = page.locator('#panel');
        await page.waitForFunction(
          () => 'stale' in (document.querySelector<HTMLElement>('#panel')?.dataset ?? {}),
        );
        const before = await lab.counters();
        await page.waitForTimeout(1500);
        const after = await lab.counters();
        same(after.freshness, 'Late', 'a while later');
        holds(after.drawn > before.drawn, 'no bin comes through at all');
        link.slowTo(Infinity);
        await lab.until(({ freshness }) => freshness === 'Live');
        await panel.waitFor();
        same((await lab.counters()).unreadable, 0, 'messages that could not be read');
        holds(!server.heard.some((text) => text.includes('"seek"')), 'the page moved the replay');
      } finally {
        await page.goto('about:blank');
        await link.close();
      }
    },
  },
  {
    name: 'SIGSTOP of the server: late within a second, live again after SIGCONT',
    async run(lab) {
      const { page } = lab;
      const [child, address] = await serverProcess(lab.pages);
      try {
        await page.goto(`${address}?serving=demo`);
        await lab.until(({ drawn, freshness }) => drawn > 10 && freshness === 'Live');
        child.kill('SIGSTOP');
        await page.evaluate(async () => {
          const startedMs = performance.now();
          while (window.__vp.freshness !== 'Late') {
            if (performance.now() - startedMs > 2000) throw new Error(window.__vp.freshness);
            await new Promise((go) => setTimeout(go, 20));
          }
        });
        child.kill('SIGCONT');
        await lab.until(({ freshness }) => freshness === 'Live');
      } finally {
        await page.goto('about:blank');
        child.kill('SIGKILL');
      }
    },
  },
  {
    name: 'kill -9 of the server: not connected at once, and where it was when a new one is there',
    breaks: true,
    async run(lab) {
      const { page } = lab;
      const [first, address] = await serverProcess(lab.pages);
      const servers = [first];
      try {
        await page.goto(`${address}?serving=demo&at=09:29:40`);
        await lab.until(({ drawn, freshness }) => drawn > 10 && freshness === 'Live');
        first.kill('SIGKILL');
        await lab.until(({ freshness }) => freshness === 'Not connected');
        const { binSeq } = await lab.counters();
        const [second] = await serverProcess(lab.pages, new URL(address).port);
        servers.push(second);
        await page
          .locator('#retry')
          .click({ timeout: 2000 })
          .catch(() => undefined);
        await lab.until(({ freshness }) => freshness === 'Live');
        await filled(lab);
        const after = await lab.counters();
        holds(after.binSeq > binSeq, `it is at bin ${after.binSeq}, it was at ${binSeq}`);
        same(after.skipped, 0, 'bins left out');
      } finally {
        await page.goto('about:blank');
        for (const server of servers) server.kill('SIGKILL');
      }
    },
  },
  {
    name: '10x: live, nothing torn, every bin drawn or told of, and the map is whole',
    query: '&at=09:29:40',
    async run(lab) {
      const { page, until, counters } = lab;
      await page.locator('#speed').selectOption('10');
      await until(({ speed, freshness }) => speed === 10 && freshness === 'Live');
      const before = await counters();
      await until(({ received }) => received > before.received + 300, 60_000);
      const after = await counters();
      same(after.unreadable, 0, 'messages that could not be read');
      // A machine that is too slow for it is told of what was left out.
      const told = after.received + after.skipped - before.received - before.skipped;
      same(told, after.binSeq - before.binSeq, 'bins that came or were left out');
      await filled(lab);
    },
  },
  {
    name: 'an alias that nobody serves: the page says which there are, and leads to one',
    async run({ page, address, until }) {
      await page.goto(`${address}?serving=nobody`);
      const cover = page.locator('#cover');
      await cover.getByText('There is no serving "nobody"; known are demo.').waitFor();
      holds(await page.locator('#panel[data-stale]').isVisible(), 'the panel looks live');
      await cover.getByRole('button', { name: 'demo' }).click();
      await until(({ drawn, freshness }) => drawn > 3 && freshness === 'Live');
      same(new URL(page.url()).searchParams.get('serving'), 'demo', 'the address');
    },
  },
  {
    name: '900 px: every control is whole within the window',
    context: { viewport: { width: 900, height: 640 } },
    breaks: true,
    async run({ page, server }) {
      // The second time with what only two charts have.
      for (const key of ['1', '3', 'n']) {
        await page.keyboard.press(key);
        await page.waitForTimeout(300);
        const outside = await page.evaluate(() =>
          [
            ...document.querySelectorAll<HTMLElement>(
              '.bar :is(button, select, input), .toolbar :is(button, summary)',
            ),
          ]
            .filter((control) => control.offsetParent !== null)
            .filter((control) => {
              const { left, right, top } = control.getBoundingClientRect();
              const panel = control.closest('.toolbar')?.getBoundingClientRect().right;
              return left < 0 || top < 0 || right > (panel ?? window.innerWidth) + 0.5;
            })
            .map(({ id, textContent }) => id || textContent),
        );
        same(outside, [], 'controls that are cut off');
      }
      await server.close();
      await page
        .locator('#connection-text')
        .getByText(/retry in/)
        .waitFor();
      const pill = page.locator('#connection');
      const cut = await pill.evaluate((it) => it.scrollWidth > it.clientWidth);
      holds(!cut, `the words "${await pill.innerText()}" are cut off`);
    },
  },
];
