/** What tests of the page in a real browser stand on: one browser, and for each test a server and a page of its own. */
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

import { FakeServer, type FakeServerOptions } from '../tests/support/server';
import type { PageCounters } from '../src/ui/counters';

const FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--enable-unsafe-swiftshader',
];
/**
 * Functions given to the page refer to the first helper of the compiler. Frames come some 15 times a second, because they
 * are drawn in software, and several pages share a machine.
 */
const PRELUDE = `
  globalThis.__name = (what) => what;
  const frame = globalThis.requestAnimationFrame?.bind(globalThis);
  globalThis.requestAnimationFrame = (callback) => setTimeout(() => frame(callback), 50);
`;
/** How long a page may take to become what a test waits for, ms. */
const PATIENCE_MS = 30_000;

/** What a test works with. */
export interface Lab {
  server: FakeServer;
  page: Page;
  /** The page's address without a query. */
  address: string;
  /** Waits until the page's counters are as wanted. */
  until: (wanted: (counters: PageCounters) => boolean, ms?: number) => Promise<void>;
  counters: () => Promise<PageCounters>;
}

export interface Scenario {
  name: string;
  server?: Partial<FakeServerOptions>;
  context?: BrowserContextOptions;
  /** Of the address, beside the serving. */
  query?: string;
  /** Bins that the page draws before the test begins. */
  bins?: number;
  /** Whether the connection may break: the browser then says so on the console. */
  breaks?: boolean;
  run: (lab: Lab) => Promise<void>;
}

/** How a scenario went: `problem` is null when everything held. */
export interface Finding {
  name: string;
  problem: string | null;
  ms: number;
}

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
  });
}

/** Runs one scenario with its own server and page; it never throws. */
export async function perform(
  browser: Browser,
  pages: string,
  scenario: Scenario,
): Promise<Finding> {
  const startedMs = performance.now();
  const server = new FakeServer({ ...scenario.server, pages });
  const context = await browser.newContext({
    viewport: { width: 1000, height: 600 },
    ...scenario.context,
  });
  const complaints: string[] = [];
  let problem: string | null = null;
  try {
    const address = `http://${await server.listen()}/`;
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => {
      if (message.type() === 'error' && scenario.breaks !== true) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.addInitScript(PRELUDE);
    await page.goto(`${address}?serving=demo${scenario.query ?? ''}`);
    const lab = labOf(server, page, address);
    const bins = scenario.bins ?? 5;
    await lab.until((counters) => counters.drawn >= bins);
    await scenario.run(lab);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  } finally {
    await context.close();
    await server.close();
  }
  if (complaints.length > 0) problem = [problem ?? '', ...complaints].join('; ');
  return { name: scenario.name, problem, ms: Math.round(performance.now() - startedMs) };
}

function labOf(server: FakeServer, page: Page, address: string): Lab {
  const counters = async (): Promise<PageCounters> => page.evaluate(() => ({ ...window.__vp }));
  return {
    server,
    page,
    address,
    counters,
    until: async (wanted, ms = PATIENCE_MS) => {
      const endMs = performance.now() + ms;
      for (;;) {
        const now = await counters();
        if (wanted(now)) return;
        if (performance.now() > endMs) {
          throw new Error(`still not ${String(wanted)}: ${JSON.stringify(now)}`);
        }
        await page.waitForTimeout(30);
      }
    },
  };
}

/** Throws unless it holds. */
export function holds(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** Throws unless both are the same text. */
export function same(found: unknown, wanted: unknown, what: string): void {
  const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)];
  holds(is === should, `${what}: ${is}, wanted ${should}`);
}
