/** Nothing is black where the server has bins, and a place is found again. */
import { holds, same, soon, type Lab, type Scenario } from '../lab';

/** Waits until all of the map that has bins is drawn, and says how long that took. */
async function filled(lab: Lab, ms = 10_000): Promise<number> {
  const startedMs = performance.now();
  await lab.until(({ missing, view }) => missing === 0 && view !== null, ms);
  const tookMs = performance.now() - startedMs;
  // The counters are those of before the picture.
  await soon(
    () => lab.lit(),
    (lit) => lit > 0.99,
    "share of the map's width that is drawn",
    2_000,
  );
  return tookMs;
}

async function goTo({ page }: Lab, text: string): Promise<void> {
  await page.locator('#seek').fill(text);
  await page.keyboard.press('Enter');
}

export const WHOLE: readonly Scenario[] = [
  {
    name: 'a seek far ahead, and back, leaves the map full',
    async run(lab) {
      await goTo(lab, '9:30:05');
      await lab.until(({ binSeq }) => binSeq >= 650);
      await filled(lab);
      await goTo(lab, '#560');
      await lab.until(({ binSeq }) => binSeq >= 560 && binSeq < 640);
      await filled(lab);
      same((await lab.counters()).freshness, 'Live', 'the freshness after it');
    },
  },
  {
    name: 'a tab that was hidden has what it missed',
    server: { rate: 30 },
    async run(lab) {
      await goTo(lab, '#600');
      await lab.until(({ binSeq }) => binSeq >= 600);
      await filled(lab);
      await lab.sleep(true);
      await lab.page.waitForTimeout(4500);
      await lab.sleep(false);
      await lab.until(({ skipped }) => skipped > 20);
      await filled(lab);
      await lab.until(({ freshness }) => freshness === 'Live');
    },
  },
  {
    name: 'a lost connection leaves no hole',
    breaks: true,
    async run(lab) {
      await goTo(lab, '#600');
      await lab.until(({ binSeq }) => binSeq >= 600);
      await filled(lab);
      lab.server.dropClients();
      await lab.until(({ connected }) => !connected);
      await lab.until(({ freshness }) => freshness === 'Live');
      await filled(lab);
    },
  },
  {
    name: 'looking back further than what came with the stream',
    async run(lab) {
      await goTo(lab, '#700');
      await lab.until(({ binSeq }) => binSeq >= 700);
      await filled(lab);
      for (let press = 0; press < 12; press += 1) await lab.page.keyboard.press('ArrowLeft');
      await lab.until(({ followsTime, tail }) => !followsTime && tail < 400);
      await filled(lab);
    },
  },
  {
    name: 'a link with a time shows that time, and a full map',
    query: '&at=09:30:01.5&mode=depth&zoom=2&rows=30&paused=1',
    bins: 1,
    async run(lab) {
      await filled(lab);
      const { binSeq, paused, view } = await lab.counters();
      same([binSeq, paused, view?.columnPx], [615, true, 2], 'bin, pause and zoom');
      const mode = lab.page.locator('#modes [aria-checked=true]');
      same(await mode.innerText(), 'Depth', 'the mode');
    },
  },
  {
    name: 'a reload shows the same moment, mode and zoom',
    async run(lab) {
      const { page } = lab;
      await goTo(lab, '#634');
      await lab.until(({ binSeq }) => binSeq >= 634);
      await page.keyboard.press(' ');
      await page.keyboard.press('2');
      await page.keyboard.press('+');
      await lab.until(({ paused }) => paused);
      await page.waitForTimeout(1500);
      const before = await lab.counters();
      await page.reload();
      await lab.until(({ view, paused }) => view !== null && paused);
      await filled(lab);
      const after = await lab.counters();
      same(after.binSeq, before.binSeq, 'the bin');
      same(after.view?.columnPx, before.view?.columnPx, 'the zoom');
      const mode = page.locator('#modes [aria-checked=true]');
      same(await mode.innerText(), 'Pressure − vacuum', 'the mode');
    },
  },
  {
    name: 'a reload while it plays goes on from that moment, and plays',
    async run(lab) {
      await goTo(lab, '#634');
      await lab.until(({ binSeq }) => binSeq >= 650);
      const before = await lab.counters();
      await lab.page.reload();
      await lab.until(({ view }) => view !== null);
      await filled(lab);
      const after = await lab.counters();
      holds(
        after.binSeq >= before.binSeq && after.binSeq < before.binSeq + 200,
        `bin ${String(before.binSeq)} before the reload, ${String(after.binSeq)} after it`,
      );
      same(after.paused, false, 'paused');
      await lab.until(
        ({ binSeq, freshness }) => binSeq > after.binSeq + 10 && freshness === 'Live',
      );
    },
  },
  {
    name: 'a link to a time that the session does not have says so',
    query: '&at=16:00',
    async run({ page }) {
      const notice = await page.locator('#notice').innerText();
      holds(notice.includes('Possible: 09:29:00 to 10:28:59'), `the notice says "${notice}"`);
    },
  },
  {
    name: 'after the end of a replay the map is filled as before it',
    server: { bins: 720, ready: 720 },
    async run(lab) {
      await goTo(lab, '#716');
      await lab.until(({ phase }) => phase === 'ended');
      for (let press = 0; press < 12; press += 1) await lab.page.keyboard.press('ArrowLeft');
      await lab.until(({ followsTime }) => !followsTime);
      await filled(lab);
      await lab.page.keyboard.press('End');
      for (let press = 0; press < 6; press += 1) await lab.page.keyboard.press('-');
      await lab.until(({ missing, view }) => view !== null && view.every > 1 && missing === 0);
      const { phase, freshness } = await lab.counters();
      same([phase, freshness], ['ended', 'Ended'], 'phase and freshness');
      await lab.page.keyboard.press('r');
      await lab.until((now) => now.binSeq < 300 && now.freshness === 'Live');
    },
  },
  {
    name: 'bins that were skipped just before the end of a replay are filled in',
    server: { rate: 30, bins: 760, ready: 760 },
    async run(lab) {
      await goTo(lab, '#600');
      await lab.until(({ binSeq }) => binSeq >= 600);
      await lab.page.keyboard.press(' ');
      await lab.until(({ paused }) => paused);
      await filled(lab);
      const before = await lab.counters();
      await lab.page.keyboard.press(' ');
      await lab.sleep(true);
      await lab.page.waitForTimeout(7000);
      await lab.sleep(false);
      await lab.until(({ phase }) => phase === 'ended');
      await filled(lab);
      holds((await lab.counters()).skipped > before.skipped + 5, 'no bin was skipped at the end');
    },
  },
];
