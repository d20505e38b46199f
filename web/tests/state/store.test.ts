import { beforeEach, describe, expect, it } from 'vitest';

import { chartLayout } from '../../src/state/layout';
import { Store } from '../../src/state/store';
import { LAYOUT, marketBins, pack, packedValue } from '../support/bins';
import { RADIUS, RUNTIME_CONFIG, type MarketBin } from '../support/market';

const CHART = chartLayout(1000, 600, 1);
const BINS = marketBins(400);

/** A spot of the market as it goes over the wire, moved by ticks. */
function movedBy(bin: MarketBin, ticks: number): MarketBin {
  const spot = BigInt(bin.update.spot_ref_price_int) + BigInt(ticks) * 250_000_000n;
  return { ...bin, update: { ...bin.update, spot_ref_price_int: String(spot) } };
}

describe('Store', () => {
  let store: Store;
  let now = 0;

  beforeEach(() => {
    now = 0;
    store = new Store(16_384);
    store.act({ kind: 'choose', serving: 'demo' });
    store.receive({ kind: 'config', message: RUNTIME_CONFIG, columns: LAYOUT.columns }, now);
  });

  function feed(bins: readonly MarketBin[]): void {
    for (const bin of bins) {
      now += 100;
      store.receive({ kind: 'bin', update: bin.update, cells: pack(bin) }, now);
      store.advance(now, true);
    }
  }

  it('has nothing to draw before the first bin', () => {
    store.advance(0, true);
    expect(store.viewport(CHART)).toBeNull();
    expect(store.binAfter(30)).toBeNull();
  });

  it('shows the newest bin at the right edge with spot in the middle', () => {
    feed(BINS.slice(0, 50));
    const view = store.viewport(CHART);
    expect(view?.edge).toBe(50);
    const anchor = store.stream?.history.newest?.anchor ?? NaN;
    expect(Math.abs((view?.centre ?? NaN) - anchor)).toBeLessThanOrEqual(0.14 * 40 + 1);
  });

  it('keeps every column at its own price when spot jumps', () => {
    const [first, second] = BINS;
    if (first === undefined || second === undefined) throw new Error('two bins are needed');
    feed([first, movedBy(second, 30)]);
    const { history } = store.stream ?? {};
    const before = Number(BigInt(first.update.spot_ref_price_int) / 250_000_000n);
    const after = Number(BigInt(second.update.spot_ref_price_int) / 250_000_000n) + 30;
    expect(history?.at(0)?.anchor).toBe(0);
    expect(history?.at(1)?.anchor).toBe(after - before);
  });

  it('reads the exact values of the cell under the pointer', () => {
    feed(BINS.slice(0, 100));
    const view = store.viewport(CHART);
    if (view === null) throw new Error('there is no view');
    const x = view.heat.right - 10 * view.columnPx + 1;
    const y = (view.heat.top + view.heat.bottom) / 2;
    store.look({ kind: 'pointer', at: { x, y } });
    const hovered = store.hovered(CHART, view);
    expect(hovered?.seq).toBe(90);
    const frame = store.stream?.history.at(90);
    const row = (hovered?.cell ?? NaN) - (frame?.anchor ?? NaN) + RADIUS;
    const bin = BINS[90];
    if (bin === undefined) throw new Error('bin 90 is needed');
    const packed = pack(bin);
    expect(hovered?.reading?.k).toBe(row - RADIUS);
    expect(hovered?.reading?.values.flow_score).toBe(packedValue(packed, 'flow_score', row));
    expect(hovered?.reading?.values.ask_depth).toBe(packedValue(packed, 'ask_depth', row));
    expect(hovered?.reading?.projections.map((p) => p.horizonMs)).toEqual([250, 500, 1000]);
  });

  it('reads nothing outside the window of a bin or before the first', () => {
    feed(BINS.slice(0, 3));
    const view = store.viewport(CHART);
    if (view === null) throw new Error('there is no view');
    store.zoom('price', -20, CHART, null);
    const wide = store.viewport(CHART) ?? view;
    store.look({ kind: 'pointer', at: { x: wide.heat.right - 1, y: 0 } });
    expect(store.hovered(CHART, wide)?.reading).toBeNull();
    store.look({ kind: 'pointer', at: { x: 0, y: 100 } });
    expect(store.hovered(CHART, wide)?.frame).toBeUndefined();
  });

  it('never gives prices of a book that is not valid', () => {
    feed(BINS.slice(0, 310));
    const frame = store.stream?.history.newest;
    expect(frame?.valid).toBe(false);
    expect([frame?.bid, frame?.ask]).toEqual([NaN, NaN]);
    expect(store.session.counters.invalid).toBe(10);
  });

  it('forgets what lay ahead after a restart and follows again', () => {
    feed(BINS.slice(0, 60));
    store.look({ kind: 'place', to: { edge: 40 } });
    feed(BINS.slice(0, 5));
    expect(store.view.edge).toBeNull();
    expect(store.stream?.history.head).toBe(4);
    expect(store.viewport(CHART)?.edge).toBe(5);
  });

  it('keeps its bins when the same stream comes back, and not when another does', () => {
    feed(BINS.slice(0, 20));
    const again = { kind: 'config', message: RUNTIME_CONFIG, columns: LAYOUT.columns } as const;
    store.receive(again, now);
    expect(store.stream?.history.head).toBe(19);
    const serving = { ...RUNTIME_CONFIG.serving, serving_id: 'srv_other' };
    store.receive({ ...again, message: { ...RUNTIME_CONFIG, serving } }, now);
    expect(store.stream?.history.empty).toBe(true);
  });

  it('knows the time of every bin from any of them', () => {
    feed(BINS.slice(0, 7));
    const { originMs, binMs } = store.time ?? { originMs: NaN, binMs: NaN };
    const first = BINS[0]?.update.bin_start_ns ?? '0';
    expect(originMs).toBe(Number(BigInt(first) / 1_000_000n));
    expect(binMs).toBe(100);
  });

  it('moves a replay by seconds, never before its first bin nor behind its end', () => {
    feed(BINS.slice(0, 100));
    const skip = (seconds: number): unknown => store.seekTo(store.binAfter(seconds) ?? NaN);
    expect(skip(-5)).toEqual({ type: 'seek', bin_seq: 49 });
    expect(skip(-500)).toEqual({ type: 'seek', bin_seq: 0 });
    expect(skip(30)).toEqual({ type: 'seek', bin_seq: 399 });
    store.receive({ kind: 'ended', bins: 100 }, now);
    expect(skip(30)).toEqual({ type: 'seek', bin_seq: 99 });
  });

  it('acknowledges the newest bin once, and nothing of a stream that was left', () => {
    expect(store.takeAck(0)).toBeNull();
    feed(BINS.slice(0, 30));
    expect(store.takeAck(0)).toEqual({ type: 'ack', bin_seq: 29 });
    expect(store.takeAck(1000)).toBeNull();
    feed(BINS.slice(5, 6));
    expect(store.takeAck(399)).toBeNull();
    expect(store.takeAck(400)).toEqual({ type: 'ack', bin_seq: 5 });
    feed(BINS.slice(6, 21));
    expect(store.takeAck(401)).toBeNull();
    feed(BINS.slice(21, 22));
    expect(store.takeAck(401)).toEqual({ type: 'ack', bin_seq: 21 });
    feed(BINS.slice(22, 23));
    store.act({ kind: 'choose', serving: 'other' });
    expect(store.takeAck(9000)).toBeNull();
  });

  /** Bins as the answer to a history, newest first. */
  function lookBack(bins: readonly MarketBin[]): void {
    for (const bin of [...bins].reverse()) {
      now += 1;
      const update = { ...bin.update, history: true };
      store.receive({ kind: 'history', update, cells: pack(bin) }, now);
    }
  }

  it('asks for what is in view and missing, once, and takes it without another idea of now', () => {
    feed(BINS.slice(300, 310));
    const before = { fresh: store.freshness(now), counters: store.session.counters };
    expect(store.takeWanted(CHART, now)).toEqual({ type: 'history', from: 68, to: 299 });
    expect(store.takeWanted(CHART, now + 1000)).toBeNull();
    const at = now;
    lookBack(BINS.slice(48, 300));
    now = at;
    expect(store.stream?.history.tail).toBe(48);
    expect(store.stream?.history.head).toBe(309);
    expect(store.freshness(now)).toEqual(before.fresh);
    expect(store.session.counters).toEqual(before.counters);
    const message = { type: 'history_end', from: 68, to: 299, every: 1, bins: 232 } as const;
    store.receive({ kind: 'history_end', message }, now);
    // With nothing missing in view there is time for the overview.
    expect(store.takeWanted(CHART, now)).toMatchObject({ type: 'history', every: 225 });
    const view = store.viewport(CHART);
    expect(view && store.missingIn(view)).toBe(0);
  });

  it('asks for nothing of a server that does not know history', () => {
    store.act({ kind: 'choose', serving: 'old' });
    const message = { ...RUNTIME_CONFIG, contract_version: '1.0' };
    store.receive({ kind: 'config', message, columns: LAYOUT.columns }, now);
    feed(BINS.slice(300, 310));
    expect(store.takeWanted(CHART, now)).toBeNull();
    store.seekTo(50);
    expect(store.takeWantedAhead(CHART, now)).toBeNull();
  });

  it('asks for what will be in view after a seek, and shows it when that bin is there', () => {
    feed(BINS.slice(0, 10));
    store.seekTo(399);
    expect(store.takeWantedAhead(CHART, now)).toEqual({ type: 'history', from: 158, to: 398 });
    lookBack(BINS.slice(390, 399));
    expect(store.stream?.history.head).toBe(9);
    feed(BINS.slice(399));
    expect(store.stream?.history.at(390)?.seq).toBe(390);
    expect(store.viewport(CHART)?.edge).toBe(400);
  });

  it('takes the told speed for the rhythm of the bins', () => {
    feed(BINS.slice(0, 20));
    store.receive({ kind: 'speed', value: 0.5 }, now);
    for (const bin of BINS.slice(20, 60)) {
      now += 200;
      store.receive({ kind: 'bin', update: bin.update, cells: pack(bin) }, now);
    }
    expect(store.freshness(now)).toMatchObject({ live: true, latenessMs: 0 });
    expect(store.freshness(now + 900).word).toBe('Late');
  });

  it('adds up the cells near spot as sent', () => {
    feed(BINS.slice(0, 30));
    const bin = BINS[29];
    if (bin === undefined) throw new Error('bin 29 is needed');
    const pressure = bin.columns.pressure_variant ?? new Float64Array(0);
    const above = pressure.slice(RADIUS + 1, RADIUS + 11).reduce((sum, value) => sum + value, 0);
    const below = pressure.slice(RADIUS - 10, RADIUS).reduce((sum, value) => sum + value, 0);
    expect(store.near?.pressureAbove).toBeCloseTo(above, 9);
    expect(store.near?.pressureBelow).toBeCloseTo(below, 9);
  });
});
