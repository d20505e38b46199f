import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { History, historyCapacity } from '../../src/state/history';
import type { Frame } from '../../src/state/frame';
import { frameWith } from '../support/bins';

const TEMPLATE = frameWith({});

function bin(seq: number): Frame {
  return { ...TEMPLATE, seq };
}

/** The same promises, kept the slow way: a map of the bins there should be. */
class Oracle {
  readonly bins = new Map<number, Frame>();
  last = -1;
  constructor(private readonly capacity: number) {}

  push(frame: Frame): void {
    for (const seq of [...this.bins.keys()]) {
      if (seq >= frame.seq || seq <= frame.seq - this.capacity) this.bins.delete(seq);
    }
    this.bins.set(frame.seq, frame);
    this.last = frame.seq;
  }

  fill(frame: Frame): boolean {
    const { seq } = frame;
    if (seq > this.last || seq <= this.last - this.capacity || this.bins.has(seq)) return false;
    this.bins.set(seq, frame);
    return true;
  }
}

describe('History', () => {
  const capacities = fc.integer({ min: 1, max: 12 });
  const arrivals = fc.array(fc.tuple(fc.nat(40), fc.boolean()), { minLength: 1, maxLength: 60 });

  it('keeps the newest bins through gaps, jumps, returns and what is filled in', () => {
    fc.assert(
      fc.property(capacities, arrivals, (capacity, steps) => {
        const history = new History(capacity);
        const oracle = new Oracle(capacity);
        for (const [seq, fills] of steps) {
          const frame = bin(seq);
          if (fills) {
            expect(history.fill(frame)).toBe(oracle.fill(frame));
          } else {
            history.push(frame);
            oracle.push(frame);
          }
          expect(history.head).toBe(oracle.last);
          for (let at = 0; at <= 40; at += 1) expect(history.at(at)).toBe(oracle.bins.get(at));
        }
      }),
    );
  });

  it('lets a mirror that takes the dirty bins always agree with it', () => {
    const steps = fc.array(fc.tuple(fc.nat(40), fc.boolean(), fc.boolean()), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(capacities, steps, (capacity, moves) => {
        const history = new History(capacity);
        const mirror = new Array<Frame | undefined>(capacity);
        for (const [seq, fills, sync] of moves) {
          if (fills) history.fill(bin(seq));
          else history.push(bin(seq));
          if (!sync) continue;
          const { from, to } = history.takeDirty();
          for (let at = from; at <= to; at += 1) mirror[history.slotOf(at)] = history.at(at);
          for (const at of history.takeFilled()) mirror[history.slotOf(at)] = history.at(at);
          for (let at = history.tail; at <= history.head; at += 1) {
            expect(mirror[history.slotOf(at)]).toBe(history.at(at));
          }
        }
      }),
    );
  });

  it('says what a bin did', () => {
    const history = new History(10);
    const kinds = [5, 6, 9, 8, 30, 3].map((seq) => history.push(bin(seq)));
    expect(kinds).toEqual([
      { kind: 'reset' },
      { kind: 'append' },
      { kind: 'gap', missing: 2 },
      { kind: 'rewind' },
      { kind: 'reset' },
      { kind: 'rewind' },
    ]);
  });

  it('gives everything again after a lost texture', () => {
    const history = new History(4);
    [0, 1, 2, 3, 4].forEach((seq) => history.push(bin(seq)));
    expect(history.takeDirty()).toEqual({ from: 1, to: 4 });
    history.invalidate();
    expect(history.takeDirty()).toEqual({ from: 1, to: 4 });
    expect(history.takeDirty()).toEqual({ from: 5, to: 4 });
  });

  it('refuses a capacity it cannot have', () => {
    expect(() => new History(0)).toThrow('capacity is 0');
  });
});

describe('historyCapacity', () => {
  it('is the texture for ordinary grids and less for very large ones', () => {
    expect(historyCapacity(18 * 101, 16_384)).toBe(4096);
    expect(historyCapacity(18 * 101, 2048)).toBe(2048);
    expect(historyCapacity(18 * 1001, 16_384)).toBeLessThan(4096);
    expect(historyCapacity(18 * 100_001, 16_384)).toBe(256);
  });
});
