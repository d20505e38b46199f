/**
 * What a page may do with a stream server of another origin, tried in a real browser.
 *
 *   node e2e/crossorigin.mjs --page http://127.0.0.1:9000/ --stream ws://127.0.0.1:8002/… [--fetch http://127.0.0.1:8002/…]
 *
 * Opens the page, and from it the WebSocket and the fetch. Prints one line of JSON: `opened`, `first` (the type of the
 * first message, or null), `closeCode`, and `fetched`, the text that could be read, or null. The exit code is 0 when the
 * browser could be driven, whatever it was allowed. The browser is the one named by CHROMIUM, else /usr/bin/chromium.
 */
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

const { values } = parseArgs({
  options: { page: { type: 'string' }, stream: { type: 'string' }, fetch: { type: 'string' } },
});
if (values.page === undefined || values.stream === undefined) {
  console.error('usage: crossorigin.mjs --page URL --stream URL [--fetch URL]');
  process.exit(2);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--no-first-run', '--disable-gpu', '--disable-background-networking'],
});
try {
  const page = await browser.newPage();
  await page.goto(values.page);
  const found = await page.evaluate(
    async ({ stream, resource }) => {
      const socket = new WebSocket(stream);
      /** @type {{ opened: boolean, first: string | null, closeCode: number | null }} */
      const seen = { opened: false, first: null, closeCode: null };
      await new Promise((resolve) => {
        socket.onopen = () => {
          seen.opened = true;
        };
        socket.onmessage = (message) => {
          /** @type {unknown} */
          const content = JSON.parse(String(message.data));
          seen.first = /** @type {{ type: string }} */ (content).type;
          socket.onmessage = null;
          resolve(null);
        };
        socket.onclose = (event) => {
          seen.closeCode = event.code;
          resolve(null);
        };
      });
      socket.close();
      let fetched = null;
      if (resource !== null) {
        try {
          fetched = await (await fetch(resource)).text();
        } catch {
          // Blocked by the browser: that is an answer too.
        }
      }
      return { ...seen, fetched };
    },
    { stream: values.stream, resource: values.fetch ?? null },
  );
  console.log(JSON.stringify(found));
} finally {
  await browser.close();
}
