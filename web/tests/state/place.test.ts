import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MODES } from '../../src/state/modes';
import { formatPlace, parsePlace, timeOfBin, type Place } from '../../src/state/place';

describe('place', () => {
  it('comes back from its address as it was', () => {
    const size = fc.option(fc.integer({ min: 1, max: 4000 }).map((eighths) => eighths / 8));
    const places: fc.Arbitrary<Place> = fc.record({
      serving: fc.option(fc.string({ minLength: 1 })),
      at: fc.option(fc.constantFrom('09:31:30', '23:59:59.9')),
      paused: fc.boolean(),
      mode: fc.option(fc.constantFrom(...MODES.map(({ id }) => id))),
      columnWidth: size,
      halfRows: size,
      depth: fc.constantFrom(null, { low: 5, high: 200 }, { low: 5, high: null }),
    });
    fc.assert(
      fc.property(places, (place) => {
        expect(parsePlace(formatPlace(place, '?serving=before&at=1&other=2'))).toEqual(place);
      }),
    );
  });

  it('keeps the width of a bin of which thousands are a column', () => {
    const width = (columnWidth: number): number | null => {
      const place = parsePlace('');
      return parsePlace(formatPlace({ ...place, columnWidth })).columnWidth;
    };
    for (const px of [1, 2, 3, 4, 6, 8]) {
      for (const every of [10, 600, 3000, 30_000]) {
        const kept = width(px / every) ?? NaN;
        expect(Math.abs((kept * every) / px - 1)).toBeLessThan(0.01);
      }
    }
  });

  it('can be read, and keeps what it does not know', () => {
    const place = parsePlace('?serving=demo&at=09:31:30&token=x');
    expect(formatPlace(place, '?token=x')).toBe('?token=x&serving=demo&at=09:31:30');
  });

  it('leaves out what makes no sense', () => {
    const nothing = {
      serving: null,
      at: null,
      mode: null,
      columnWidth: null,
      halfRows: null,
      depth: null,
    };
    const place = parsePlace('?mode=sideways&zoom=-1&rows=NaN&depth=-3');
    expect(place).toEqual({ ...nothing, paused: false });
  });

  it('names bins by the shortest time', () => {
    const base = { originMs: Date.UTC(2026, 1, 6, 14, 30), binMs: 50 };
    expect([0, 1, 2, 20].map((seq) => timeOfBin(base, seq))).toEqual([
      '09:30:00',
      '09:30:00.05',
      '09:30:00.1',
      '09:30:01',
    ]);
  });
});
