import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { History } from '../../src/state/history';
import { LookBack, missing } from '../../src/state/lookback';
import { frameWith } from '../support/bins';

const TEMPLATE = frameWith({});

function historyOf(seqs: readonly number[], capacity = 100): History {
  const history = new History(capacity);
  for (const seq of seqs) history.push({ ...TEMPLATE, seq });
  return history;
}

describe('missing', () => {
  it('is the stretch before the first bin', () => {
    expect(missing(historyOf([50, 51]), { from: 20, to: 51 })).toEqual({ from: 20, to: 49 });
    expect(missing(historyOf([50, 51]), { from: 50, to: 51 })).toBeNull();
  });

  it('is nothing before bin 0, behind the newest, or further back than is kept', () => {
    expect(missing(historyOf([2]), { from: -40, to: 60 })).toEqual({ from: 0, to: 1 });
    expect(missing(historyOf([250]), { from: 0, to: 250 })).toEqual({ from: 151, to: 249 });
  });

  it('is the newest gap when few are missing', () => {
    const seqs = [10, 11, 12, 14, 15, 16, 17, 18, 20];
    expect(missing(historyOf(seqs), { from: 10, to: 20 })).toEqual({ from: 19, to: 19 });
  });

  it('always begins and ends with a bin that is missing', () => {
    const some = fc
      .uniqueArray(fc.nat(60), { minLength: 1 })
      .map((seqs) => seqs.sort((a, b) => a - b));
    fc.assert(
      fc.property(some, fc.nat(60), fc.nat(60), (seqs, a, b) => {
        const history = historyOf(seqs);
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const gone = Array.from({ length: to - from + 1 }, (_unused, index) => from + index).filter(
          (seq) => seq <= history.head && history.at(seq) === undefined,
        );
        const found = missing(history, { from, to });
        expect(found === null).toBe(gone.length === 0);
        if (found === null) return;
        expect(gone).toContain(found.from);
        expect(found.to).toBe(gone.at(-1));
      }),
    );
  });
});

describe('LookBack', () => {
  const view = { from: 0, to: 50 };

  it('asks once, and again after an answer that never comes', () => {
    const [history, lookBack] = [historyOf([50]), new LookBack()];
    expect(lookBack.next(history, view, 0)).toEqual({ from: 0, to: 49 });
    expect(lookBack.next(history, view, 3000)).toBeNull();
    lookBack.arrived(3000);
    expect(lookBack.next(history, view, 6900)).toBeNull();
    expect(lookBack.next(history, view, 7100)).not.toBeNull();
  });

  it('rests after an answer that brought less than was asked for', () => {
    const [history, lookBack] = [historyOf([50]), new LookBack()];
    lookBack.next(history, view, 0);
    lookBack.ended(0, 500);
    expect(lookBack.next(history, view, 1400)).toBeNull();
    expect(lookBack.next(history, view, 1600)).not.toBeNull();
  });

  it('gives up what went out of view for what came into it', () => {
    const [history, lookBack] = [historyOf([90], 200), new LookBack()];
    lookBack.next(history, { from: 60, to: 90 }, 0);
    expect(lookBack.next(history, { from: 10, to: 40 }, 100)).toBeNull();
    expect(lookBack.next(history, { from: 10, to: 40 }, 200)).toEqual({ from: 10, to: 40 });
  });
});
