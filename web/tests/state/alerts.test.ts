import { describe, expect, it } from 'vitest';

import { AlertWatch, makeRule, NO_ALERTS, parseKept, type Rule } from '../../src/state/alerts';
import type { Freshness } from '../../src/state/freshness';
import { History } from '../../src/state/history';
import { frameWith } from '../support/bins';
import type { GridUpdate } from '../../src/wire/types';

const LIVE: Freshness = { live: true, word: 'Live', ageMs: 0, latenessMs: 0 };
const LATE: Freshness = { live: false, word: 'Late', ageMs: 900, latenessMs: 900 };
const TICK = 250_000_000n;

function watching(...rules: Rule[]): { watch: AlertWatch; history: History } {
  return { watch: new AlertWatch({ ...NO_ALERTS, rules }), history: new History(64) };
}

/** A bin with its bid so many ticks above 5978, the ask a tick higher, and a state of the signal. */
function bin(seq: number, ticks: number, state = 0, changes: Partial<GridUpdate> = {}) {
  const bid = 5_978_000_000_000n + BigInt(ticks) * TICK;
  const { signal } = frameWith({}).update;
  return frameWith({
    bin_seq: seq,
    book_valid: true,
    best_bid_price_int: String(bid),
    best_ask_price_int: String(bid + TICK),
    signal: { ...signal, state },
    ...changes,
  });
}

describe('AlertWatch', () => {
  it('tells what happened of every bin with a mark of a kind', () => {
    const { watch, history } = watching({ kind: 'iceberg' }, { kind: 'sweep' });
    const mark = { price_int: '5978250000000', size: 12, side: 'sell', detail: 60 };
    history.push(bin(0, 0));
    expect(watch.observe(history, LIVE, 0, 0)).toEqual([]);
    history.push(bin(1, 0, 0, { marks: [{ kind: 'iceberg', ...mark }] }));
    history.push(bin(2, 0, 0, { marks: [{ kind: 'pull', ...mark }] }));
    history.push(bin(3, 0, 0, { marks: [{ kind: 'iceberg', ...mark, detail: 72 }] }));
    expect(watch.observe(history, LIVE, 1, 1).map(({ text }) => text)).toEqual([
      'Iceberg ask refreshed: 12 now, 60 shown so far',
      'Iceberg ask refreshed: 12 now, 72 shown so far',
    ]);
    expect(makeRule('pull', '')).toEqual({ kind: 'pull' });
    const kept = { rules: [{ kind: 'large' }, { kind: 'larger' }], alerts: [], sound: false };
    expect(parseKept(JSON.stringify(kept)).rules).toEqual([{ kind: 'large' }]);
  });

  it('tells once for each time that the signal turns, of every bin between two looks', () => {
    const { watch, history } = watching({ kind: 'bullish' }, { kind: 'bearish' });
    history.push(bin(0, 0));
    expect(watch.observe(history, LIVE, 0, 0)).toEqual([]);
    [1, 1, 0, 1, -1, -1].forEach((state, index) => history.push(bin(1 + index, 0, state)));
    expect(watch.observe(history, LIVE, 1, 1).map(({ text }) => text)).toEqual([
      'Signal turns bullish',
      'Signal turns bullish',
      'Signal turns bearish',
    ]);
    expect(watch.observe(history, LIVE, 2, 2)).toEqual([]);
    expect(watch.state.alerts[0]?.text).toBe('Signal turns bearish');
  });

  it('watches each of several charts for itself, and says which told', () => {
    const { watch, history } = watching({ kind: 'bullish' });
    const [mine, other, elsewhere] = [{}, {}, new History(64)];
    history.push(bin(0, 0));
    elsewhere.push(bin(7, 0, 1));
    expect(watch.observe(history, LIVE, 0, 0, mine, 'demo')).toEqual([]);
    expect(watch.observe(elsewhere, LIVE, 0, 0, other, 'other')).toEqual([]);
    history.push(bin(1, 0, 1));
    elsewhere.push(bin(8, 0, 1));
    expect(watch.observe(elsewhere, LIVE, 0, 0, other, 'other')).toEqual([]);
    expect(watch.observe(history, LIVE, 0, 0, mine, 'demo').map(({ text }) => text)).toEqual([
      'demo: Signal turns bullish',
    ]);
    // A chart with another stream begins anew; the other one goes on.
    watch.forget(other);
    elsewhere.push(bin(9, 0, -1));
    elsewhere.push(bin(10, 0, 1));
    expect(watch.observe(elsewhere, LIVE, 0, 0, other, 'other')).toEqual([]);
  });

  it('tells when the mid crosses a price, to the half tick and over a book that is not valid', () => {
    const { watch, history } = watching({ kind: 'above', price: '5978.125' });
    history.push(bin(0, 0));
    watch.observe(history, LIVE, 0, 0);
    // The mid is on the price, not above it.
    history.push(bin(1, 0));
    expect(watch.observe(history, LIVE, 0, 0)).toEqual([]);
    history.push(bin(2, 3, 0, { book_valid: false }));
    expect(watch.observe(history, LIVE, 0, 0)).toEqual([]);
    history.push(bin(3, 1));
    expect(watch.observe(history, LIVE, 0, 0)).toHaveLength(1);
    history.push(bin(4, 2));
    expect(watch.observe(history, LIVE, 0, 0)).toEqual([]);
  });

  it('says nothing of a jump that the user made, and goes on from there', () => {
    const { watch, history } = watching({ kind: 'bullish' });
    history.push(bin(50, 0));
    watch.observe(history, LIVE, 0, 0);
    history.push(bin(3, 0, 1));
    expect(watch.observe(history, LIVE, 0, 0)).toEqual([]);
    history.push(bin(4, 0, 0));
    history.push(bin(5, 0, 1));
    expect(watch.observe(history, LIVE, 0, 0)).toHaveLength(1);
  });

  it('tells once that nothing is live, and not of a pause', () => {
    const { watch, history } = watching({ kind: 'stale', seconds: 2 });
    history.push(bin(0, 0));
    watch.observe(history, LIVE, 0, 0);
    expect(watch.observe(history, LATE, 1000, 1)).toEqual([]);
    expect(watch.observe(history, LATE, 2900, 2)).toEqual([]);
    expect(watch.observe(history, LATE, 3000, 3)).toEqual([
      { text: 'Nothing live for 2 s: Late', atMs: 3 },
    ]);
    expect(watch.observe(history, LATE, 9000, 4)).toEqual([]);
    watch.observe(history, LIVE, 9100, 5);
    const paused = { ...LATE, word: 'Paused' };
    expect(watch.observe(history, paused, 9200, 6)).toEqual([]);
    expect(watch.observe(history, paused, 99_000, 7)).toEqual([]);
  });

  it('keeps a rule once, and no more than it can', () => {
    const { watch } = watching({ kind: 'bullish' });
    expect(watch.add({ kind: 'bullish' })).toBe(true);
    expect(watch.state.rules).toHaveLength(1);
    for (let price = 1; price < 20; price += 1) watch.add({ kind: 'above', price: `${price}` });
    expect(watch.add({ kind: 'bearish' })).toBe(false);
  });
});

describe('makeRule', () => {
  it('takes prices and seconds, and says what is wrong with others', () => {
    expect(makeRule('above', ' 5,978.25 ')).toEqual({ kind: 'above', price: '5978.25' });
    expect(makeRule('stale', '5')).toEqual({ kind: 'stale', seconds: 5 });
    for (const [kind, typed] of [
      ['above', 'high'],
      ['below', ''],
      ['stale', '0'],
      ['stale', ''],
      ['sideways', '1'],
    ] as const) {
      expect(makeRule(kind, typed)).toHaveProperty('problem');
    }
  });
});

describe('parseKept', () => {
  it('comes back as it was', () => {
    const kept = {
      rules: [{ kind: 'bearish' }, { kind: 'below', price: '1.5' }, { kind: 'stale', seconds: 3 }],
      alerts: [{ text: 'Signal turns bearish', atMs: 7 }],
      sound: true,
    };
    expect(parseKept(JSON.stringify(kept))).toEqual(kept);
  });

  it('leaves out what is not understood', () => {
    for (const text of [null, '', '{', 'null', '7', '{"rules":3}'])
      expect(parseKept(text)).toEqual(NO_ALERTS);
    const mixed = '{"rules":[null,{"kind":"above","price":"x"},{"kind":"bullish"}],"alerts":[{}]}';
    expect(parseKept(mixed)).toEqual({ ...NO_ALERTS, rules: [{ kind: 'bullish' }] });
  });
});
