import { beforeEach, describe, expect, it } from 'vitest';

import { chartLayout, widthOf } from '../../../src/state/layout';
import { Store } from '../../../src/state/store';
import { seqAt, type Viewport } from '../../../src/state/viewport';
import type { GridUpdate, HistoryEnd } from '../../../src/wire/types';
import { LAYOUT, marketBins, pack } from '../../support/bins';
import { asOne, type WholeBin } from '../../support/columns';
import { RUNTIME_CONFIG } from '../../support/market';

const CHART = chartLayout(1000, 600, 1);
const BINS = marketBins(2600);
const TICK = 250_000_000n;

interface Request {
  type: string;
  from: number;
  to: number;
  every?: number;
}

function binsFrom(first: number, last: number): WholeBin[] {
  return BINS.slice(first, last + 1);
}

describe('a store that is zoomed out', () => {
  let store: Store;
  let now = 0;

  beforeEach(() => {
    now = 0;
    store = new Store(16_384);
    store.act({ kind: 'choose', serving: 'demo' });
    configure();
  });

  function configure(changes: Partial<typeof RUNTIME_CONFIG> = {}): void {
    const message = { ...RUNTIME_CONFIG, ...changes };
    store.receive({ kind: 'config', message, columns: LAYOUT.columns }, now);
  }

  function feed(first: number, last: number): void {
    for (const { update, columns } of binsFrom(first, last)) {
      now += 100;
      store.receive({ kind: 'bin', update, cells: pack({ update, columns: { ...columns } }) }, now);
    }
    draw();
  }

  /** As the page draws: the view moves on, and what it shows is brought up to date. */
  function draw(): Viewport {
    store.advance(now, true);
    const view = store.viewport(CHART);
    const { stream } = store;
    if (view === null || stream?.grid == null) throw new Error('there is no view');
    stream.stores.show(view, stream.history, stream.grid);
    return view;
  }

  /** Zooms to columns of so many bins. */
  function zoomTo(every: number, at: { x: number; y: number } | null = null): Viewport {
    for (let steps = 0; steps < 60; steps += 1) {
      const view = draw();
      if (view.every === every) return view;
      store.zoom('time', view.every > every ? 1 : -1, CHART, at);
    }
    throw new Error(`there are no columns of ${every} bins`);
  }

  function ask(): Request | null {
    draw();
    // Bins that are awaited and do not come would be late, and nothing is asked for then.
    store.act({ kind: 'pause' });
    const wanted = store.takeWanted(CHART, now) as Request | null;
    store.act({ kind: 'resume' });
    return wanted;
  }

  /** The bins of a request as the server sends them, newest first. */
  function answerTo({ from, to, every = 1 }: Request): GridUpdate[] {
    const columns: WholeBin[] = [];
    for (let last = to; last >= from; last = Math.max(last - (last % every), from) - 1) {
      const bins = binsFrom(Math.max(last - (last % every), from), last);
      const [only] = bins;
      if (every > 1) columns.push(asOne(bins, TICK));
      else if (only !== undefined)
        columns.push({ ...only, update: { ...only.update, history: true } });
    }
    return columns.map(({ update, columns: cells }) => {
      receive({ update, columns: cells });
      return update;
    });
  }

  function receive({ update, columns }: WholeBin): void {
    now += 1;
    const cells = pack({ update, columns: { ...columns } });
    store.receive({ kind: 'history', update, cells }, now);
  }

  function end({ from, to, every = 1 }: Request, bins: number): void {
    const message: HistoryEnd = { type: 'history_end', from, to, every, bins };
    store.receive({ kind: 'history_end', message }, now);
  }

  /** Answers what is asked until nothing of the view is missing. */
  function fillView(): void {
    for (let times = 0; times < 20; times += 1) {
      const view = draw();
      if (store.missingIn(view) === 0) return;
      now += 1100;
      const request = ask();
      if (request === null) continue;
      end(request, answerTo(request).length);
    }
    throw new Error('the view has holes');
  }

  /** Every column in view holds what the server makes of its bins. */
  function expectExact(): void {
    const view = draw();
    const history = store.historyOf(view);
    const head = store.stream?.history.head ?? -1;
    const { every } = view;
    const first = Math.max(Math.ceil(seqAt(view, view.heat.left)), 0);
    for (let index = first; index <= Math.floor(head / every); index += 1) {
      const frame = history?.at(index);
      const last = Math.min(index * every + every - 1, head);
      const wanted = asOne(binsFrom(index * every, last), TICK);
      expect(frame?.update).toEqual(wanted.update);
      const cells = pack({ ...wanted, columns: { ...wanted.columns } });
      expect(frame?.cells.every((cell, at) => cell === cells[at])).toBe(true);
    }
  }

  it('is filled from the history, then goes on with the bins that come, exactly', () => {
    feed(2300, 2345);
    zoomTo(10);
    const request = ask();
    expect(request).toEqual({
      type: 'history',
      from: expect.any(Number) as number,
      to: 2299,
      every: 10,
    });
    expect((request?.from ?? 1) % 10).toBe(0);
    fillView();
    expectExact();
    feed(2346, 2371);
    expect(store.missingIn(draw())).toBe(0);
    expectExact();
  });

  it('asks for what is further back once what is in view is there, then for the session', () => {
    feed(2500, 2510);
    const { every } = zoomTo(10);
    const first = ask();
    if (first === null) throw new Error('nothing is asked for');
    end(first, answerTo(first).length);
    now += 1000;
    const second = ask();
    expect(second).toMatchObject({ to: first.from - 1, every });
    if (second !== null) end(second, answerTo(second).length);
    now += 1000;
    expect(ask()).toMatchObject({ every: 225 });
  });

  it('keeps a place at the pointer through all levels, and back', () => {
    feed(0, 2599);
    const x = 300;
    store.pan(-5, CHART);
    const held = draw();
    expect(held.every).toBe(1);
    const bin = seqAt(held, x);
    for (const every of [10, 1]) {
      const view = zoomTo(every, { x, y: 100 });
      const at = seqAt(view, x) * view.every;
      expect(Math.abs(at - bin) * (view.columnPx / view.every)).toBeLessThanOrEqual(1.01);
    }
    expect(zoomTo(3000, { x, y: 100 }).every).toBe(3000);
  });

  it('follows at every level, and again after a drag', () => {
    feed(0, 2599);
    for (const every of [10, 100, 600, 3000]) {
      const view = zoomTo(every);
      expect(store.view.edge).toBeNull();
      const pixel = every / view.columnPx;
      expect(Math.abs(view.edge * every - 2600)).toBeLessThanOrEqual(pixel / 2 + 1e-6);
      expect(store.newestBin(view)).toBe(2599);
    }
    zoomTo(10);
    store.zoom('time', 3, CHART, null);
    store.pan(-0.2, CHART);
    expect(store.view.edge).not.toBeNull();
    store.look({ kind: 'follow' });
    expect(store.newestBin(draw())).toBe(2599);
  });

  it('takes late answers of one level for what they are, and nothing of them for another', () => {
    feed(2300, 2345);
    zoomTo(10);
    const old = ask();
    expect(old).toMatchObject({ every: 10 });
    zoomTo(100);
    now += 200;
    const request = ask();
    expect(request).toMatchObject({ every: 100 });
    if (old === null || request === null) throw new Error('nothing was asked');
    // The server was still at it, and ended it.
    end(old, answerTo(old).length);
    const view = draw();
    const coarse = store.historyOf(view);
    for (let index = coarse?.tail ?? 0; index <= (coarse?.head ?? -1); index += 1) {
      const { update } = coarse?.at(index) ?? {};
      if (update !== undefined) expect((update.bin_seq - (update.every ?? 1) + 1) % 100).toBe(0);
      if (update !== undefined && index < 23) expect(update.every).toBe(100);
    }
    expect(store.missingIn(view)).toBeGreaterThan(0);
    // It was no end of the new one, which is not asked for again.
    now += 1200;
    expect(ask()).toBeNull();
    end(request, answerTo(request).length);
    expect(store.missingIn(draw())).toBe(0);
    expectExact();
    zoomTo(10);
    fillView();
    expectExact();
  });

  it('draws nothing of an old level into the bar of the session', () => {
    feed(2300, 2345);
    zoomTo(10);
    const request = ask();
    if (request === null) throw new Error('nothing was asked');
    answerTo(request);
    expect(store.stream?.overview.columns.some((column) => column !== undefined)).toBe(false);
  });

  it('has after a seek what is asked for ahead of it, and nothing of later', () => {
    feed(0, 1234);
    zoomTo(100);
    fillView();
    const seek = store.seekTo(2345);
    expect(seek).toEqual({ type: 'seek', bin_seq: 2345 });
    const ahead = store.takeWantedAhead(CHART, now) as Request | null;
    expect(ahead).toEqual({ type: 'history', from: 1200, to: 2345, every: 100 });
    if (ahead === null) throw new Error('nothing was asked');
    answerTo(ahead);
    expect(store.historyOf(draw())?.head).toBe(12);
    feed(2345, 2345);
    expect(store.missingIn(draw())).toBe(0);
    expectExact();
    store.seekTo(777);
    feed(777, 777);
    fillView();
    expectExact();
    expect(store.historyOf(draw())?.head).toBe(7);
  });

  it('fills what was lost with a connection or left out by a slow server', () => {
    feed(2000, 2105);
    zoomTo(10);
    fillView();
    store.receive({ kind: 'closed', code: 1006, reason: '', retryMs: 100 }, now);
    configure();
    expect(store.missingIn(draw())).toBe(0);
    feed(2140, 2150);
    expect(store.missingIn(draw())).toBeGreaterThan(0);
    fillView();
    expectExact();
  });

  it('waits for an answer that was refused or brought nothing, and asks again', () => {
    feed(2300, 2345);
    zoomTo(10);
    expect(ask()).not.toBeNull();
    store.receive({ kind: 'server_error', code: 'bad_history', message: '' }, now);
    expect(ask()).not.toMatchObject({ every: 10 });
    now += 1500;
    expect(ask()).toMatchObject({ every: 10 });
  });

  it('has nothing of a serving that was left', () => {
    feed(2300, 2345);
    zoomTo(10);
    const request = ask();
    const serving = { ...RUNTIME_CONFIG.serving, serving_id: 'srv_other' };
    configure({ serving });
    expect(store.viewport(CHART)).toBeNull();
    if (request !== null) answerTo(request);
    feed(0, 25);
    const view = draw();
    expect(view.every).toBe(10);
    expect(store.historyOf(view)?.tail).toBe(0);
    expect(store.historyOf(view)?.head).toBe(2);
    expectExact();
  });

  it('ends at a pixel a bin where the server knows no history', () => {
    store.act({ kind: 'choose', serving: 'old' });
    configure({ contract_version: '1.0' });
    feed(0, 50);
    for (let steps = 0; steps < 30; steps += 1) store.zoom('time', -1, CHART, null);
    expect(draw()).toMatchObject({ every: 1, columnPx: 1 });
  });

  it('looks at single bins as far back as the session goes', () => {
    feed(2300, 2345);
    for (let times = 0; times < 40; times += 1) store.pan(-0.9, CHART);
    const view = draw();
    expect(view.every).toBe(1);
    expect(view.edge).toBeCloseTo(widthOf(view.heat) / view.columnPx, 0);
    fillView();
    expect(store.historyOf(draw())?.at(5)?.update.bin_seq).toBe(5);
  });

  it('keeps what is shown apart from the bins that are judged', () => {
    feed(2300, 2345);
    zoomTo(10);
    const before = { fresh: store.freshness(now), counters: store.session.counters };
    const at = now;
    fillView();
    now = at;
    const { live, word, ageMs } = before.fresh;
    expect(store.freshness(now)).toMatchObject({ live, word, ageMs });
    expect(store.session.counters).toEqual(before.counters);
    expect(store.stream?.history.head).toBe(2345);
  });

  it('measures the same time and volume in columns as in bins', () => {
    feed(2300, 2399);
    const corners = [
      { seq: 2310, cell: -40 },
      { seq: 2389.5, cell: 40 },
    ] as const;
    store.setCorners([...corners]);
    const fine = store.measured(draw());
    const coarse = store.measured(zoomTo(10));
    expect([coarse?.area.buy, coarse?.area.sell]).toEqual([fine?.area.buy, fine?.area.sell]);
    expect([fine?.area.bins, coarse?.area.bins]).toEqual([79, 7]);
    expect(coarse?.ticks).toBe(fine?.ticks);
  });
});
