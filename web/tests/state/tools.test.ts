import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Frame } from '../../src/state/frame';
import { History } from '../../src/state/history';
import { parseBookmarks, toggleBookmark } from '../../src/state/tools/bookmarks';
import { measure } from '../../src/state/tools/measure';
import { tapeOf } from '../../src/state/tools/tape';
import { frameWith } from '../support/bins';
import { parseClosed, withClosed } from '../../src/state/tools/cards';

/** A bin of that number with trades: cell, bought, sold. */
function traded(seq: number, ...prints: [number, number, number][]): Frame {
  return {
    ...frameWith({ bin_seq: seq }),
    prints: prints.map(([cell, buy, sell]) => ({ cell, buy, sell })),
  };
}

function historyOf(...frames: Frame[]): History {
  const history = new History(64);
  for (const frame of frames) history.push(frame);
  return history;
}

describe('measure', () => {
  const history = historyOf(
    traded(0, [0, 1, 0]),
    traded(1, [0, 0, 20], [5, 300, 0]),
    traded(3, [-2, 4000, 0], [3, 0, 50_000]),
  );

  it('adds what was traded between two corners, both included', () => {
    const area = measure(history, { seq: 0.9, cell: 0.4 }, { seq: 3.2, cell: 2.6 });
    expect(area).toEqual({
      from: 0,
      to: 3,
      low: 0,
      high: 3,
      cells: 3,
      bins: 3,
      buy: 1,
      sell: 50_020,
    });
  });

  it('holds the same from either corner, with the other sign', () => {
    const place = fc.record({
      seq: fc.double({ min: -2, max: 8, noNaN: true }),
      cell: fc.double({ min: -6, max: 6, noNaN: true }),
    });
    fc.assert(
      fc.property(place, place, (a, b) => {
        const [there, back] = [measure(history, a, b), measure(history, b, a)];
        expect([there.buy, there.sell, there.from, there.high]).toEqual([
          back.buy,
          back.sell,
          back.from,
          back.high,
        ]);
        expect(there.cells + back.cells).toBe(0);
        expect(there.bins + back.bins).toBe(0);
      }),
    );
  });
});

describe('tapeOf', () => {
  const history = historyOf(traded(4, [1, 5, 0]), traded(5), traded(7, [2, 3, 9], [3, 1, 0]));
  const shown = (filter: Parameters<typeof tapeOf>[2], upTo = 7, most = 10): unknown[] =>
    tapeOf(history, upTo, filter, most).map(({ seq, side, size }) => [seq, side, size]);

  it('has the newest first, each aggressor apart', () => {
    expect(shown({ side: 'all', least: 0 })).toEqual([
      [7, 'buy', 3],
      [7, 'sell', 9],
      [7, 'buy', 1],
      [4, 'buy', 5],
    ]);
  });

  it('leaves out what the filters do, and what is after the bin', () => {
    expect(shown({ side: 'buy', least: 3 })).toEqual([
      [7, 'buy', 3],
      [4, 'buy', 5],
    ]);
    expect(shown({ side: 'sell', least: 10 })).toEqual([]);
    expect(shown({ side: 'all', least: 0 }, 6)).toEqual([[4, 'buy', 5]]);
    expect(shown({ side: 'all', least: 0 }, 7, 2)).toHaveLength(2);
  });
});

describe('bookmarks', () => {
  it('are set and taken away, by stream', () => {
    const one = toggleBookmark({}, 'a', 5);
    const two = toggleBookmark(toggleBookmark(one, 'b', 7), 'a', 9);
    expect(two).toEqual({ a: [5, 9], b: [7] });
    expect(toggleBookmark(toggleBookmark(two, 'a', 5), 'b', 7)).toEqual({ a: [9] });
    expect(parseBookmarks(JSON.stringify(two))).toEqual(two);
  });

  it('are not endless, and nothing else is read as one', () => {
    let kept = {};
    for (let bin = 0; bin < 60; bin += 1) kept = toggleBookmark(kept, 'a', bin);
    expect(parseBookmarks(JSON.stringify(kept)).a).toHaveLength(40);
    for (const text of [null, '', '7', 'null', '{"a":"b"}', '{"a":[-1,0.5,"x"]}'])
      expect(parseBookmarks(text)).toEqual({});
  });
});

describe('closed cards', () => {
  it('are in a query, beside what else it says, and come back', () => {
    const query = withClosed('?serving=demo&at=09:30:00', new Set(['near-spot', 'evidence']));
    expect(query).toBe('?serving=demo&at=09:30:00&closed=evidence.near-spot');
    expect(parseClosed(query)).toEqual(new Set(['evidence', 'near-spot']));
    expect(withClosed(query, new Set())).toBe('?serving=demo&at=09:30:00');
    expect(parseClosed('?serving=demo')).toBeNull();
  });
});
