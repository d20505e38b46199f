import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { differences, flat } from '../../src/research/difference';
import { roundTicks } from '../../src/research/scale';

describe('two things side by side', () => {
  it('have what differs first, and every name once', () => {
    expect(
      differences({ a: 1, b: { c: [1, 2], d: 3 } }, { a: 1, b: { c: [1, 3], e: null } }),
    ).toEqual([
      { name: 'b.c', left: [1, 2], right: [1, 3], same: false },
      { name: 'b.d', left: 3, right: undefined, same: false },
      { name: 'b.e', left: undefined, right: null, same: false },
      { name: 'a', left: 1, right: 1, same: true },
    ]);
  });

  it('do not differ from themselves', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const rows = differences(fields, structuredClone(fields));
        expect(rows.every(({ same }) => same)).toBe(true);
        expect(rows.map(({ name }) => name).sort()).toEqual([...flat(fields).keys()].sort());
      }),
    );
  });

  it('may have names like the parts of every object', () => {
    const named = JSON.parse('{ "__proto__": [1], "constructor": 2 }') as Record<string, unknown>;
    expect(differences(named, {})).toEqual([
      { name: '__proto__', left: [1], right: undefined, same: false },
      { name: 'constructor', left: 2, right: undefined, same: false },
    ]);
  });
});

describe('the numbers of an axis', () => {
  it('are round, ascending, few, and hold the limits', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        (low, span) => {
          const { at, low: least, high: most } = roundTicks(low, low + span);
          expect(at.length).toBeGreaterThanOrEqual(2);
          expect(at.length).toBeLessThanOrEqual(8);
          expect(at).toEqual(at.toSorted((a, b) => a - b));
          const slack = 1e-6 * Math.max(Math.abs(low), span);
          expect(least).toBeLessThanOrEqual(low + slack);
          expect(most).toBeGreaterThanOrEqual(low + span - slack);
        },
      ),
    );
    expect(roundTicks(-3, 7)).toEqual({ at: [-5, -2.5, 0, 2.5, 5, 7.5], low: -5, high: 7.5 });
  });
});
