import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  binWidthOf,
  isWholeColumn,
  levelsOf,
  spanText,
  startsColumn,
  zoomedBy,
  zoomOf,
  zoomsOf,
} from '../../../src/state/zoom/levels';
import { MAX_HISTORY_STEP } from '../../../src/wire/generated/facts';
import type { GridUpdate } from '../../../src/wire/types';
import { frameWith } from '../../support/bins';

const binLengths = fc.constantFrom(10, 20, 50, 100, 250, 500, 700, 1000, 2000, 10_000, 60_000);
const ratios = fc.constantFrom(1, 1.25, 1.5, 2, 3);

describe('levelsOf', () => {
  it('has bins, then columns of 1 s, 10 s, 1 min and 5 min', () => {
    expect(levelsOf(100)).toEqual([1, 10, 100, 600, 3000]);
    expect(levelsOf(250)).toEqual([1, 4, 40, 240, 1200]);
    // The server makes the same ones as bins pass.
    expect(levelsOf(400)).toEqual([1, 3, 25, 150, 750]);
    expect(levelsOf(700)).toEqual([1, 14, 86, 429]);
  });

  it('leaves out what is no longer than a bin', () => {
    expect(levelsOf(1000)).toEqual([1, 10, 60, 300]);
    expect(levelsOf(10_000)).toEqual([1, 6, 30]);
    expect(levelsOf(300_000)).toEqual([1]);
  });

  it('leaves out what cannot be asked for', () => {
    expect(levelsOf(2)).toEqual([1, 500, 5000, 30_000]);
    expect(levelsOf(1).every((every) => every <= MAX_HISTORY_STEP)).toBe(true);
  });

  it('has whole numbers of bins, each more than the one before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700_000 }), (binMs) => {
        const levels = levelsOf(binMs);
        levels.forEach((every, index) => {
          expect(Number.isInteger(every)).toBe(true);
          expect(every).toBeGreaterThan(levels[index - 1] ?? 0);
        });
      }),
    );
  });
});

describe('a zoom', () => {
  it('is another one at every step, of columns of whole widths, and comes back the same way', () => {
    fc.assert(
      fc.property(binLengths, ratios, (binMs, ratio) => {
        const levels = levelsOf(binMs);
        const all = zoomsOf(levels, ratio);
        const [widest, narrowest] = [all.at(0), all.at(-1)];
        if (widest === undefined || narrowest === undefined) throw new Error('there is no zoom');
        let zoom = widest;
        for (const next of all.slice(1)) {
          const out = zoomedBy(zoom, -1, levels, ratio);
          expect(out).toEqual(next);
          expect(zoomedBy(out, 1, levels, ratio)).toEqual(zoom);
          expect(binWidthOf(out, ratio)).toBeLessThan(binWidthOf(zoom, ratio));
          zoom = out;
        }
        expect(zoomedBy(narrowest, -1, levels, ratio)).toEqual(narrowest);
        expect(zoomedBy(widest, 1, levels, ratio)).toEqual(widest);
        expect(zoomedBy(widest, -all.length - 5, levels, ratio)).toEqual(narrowest);
        expect(zoomedBy(narrowest, all.length + 5, levels, ratio)).toEqual(widest);
        expect(narrowest.every).toBe(levels.at(-1));
      }),
    );
  });

  it('is found again by the width of a bin, also one that was rounded', () => {
    fc.assert(
      fc.property(
        binLengths,
        ratios,
        fc.double({ min: 0.996, max: 1.004, noNaN: true }),
        (binMs, ratio, off) => {
          const levels = levelsOf(binMs);
          for (const zoom of zoomsOf(levels, ratio)) {
            expect(zoomOf(binWidthOf(zoom, ratio) * off, levels, ratio)).toEqual(zoom);
          }
        },
      ),
    );
  });

  it('has bins of any whole width, and goes on from there', () => {
    const levels = levelsOf(100);
    expect(zoomOf(5, levels, 1)).toEqual({ every: 1, columnPx: 5 });
    expect(zoomOf(3, levels, 1.25)).toEqual({ every: 1, columnPx: 4 });
    expect(zoomedBy({ every: 1, columnPx: 5 }, 1, levels, 1)).toEqual({ every: 1, columnPx: 6 });
    expect(zoomedBy({ every: 1, columnPx: 5 }, -2, levels, 1)).toEqual({ every: 1, columnPx: 3 });
  });

  it('goes no further than a pixel a bin where a server sends no columns', () => {
    expect(zoomOf(0.001, [1], 2)).toEqual({ every: 1, columnPx: 1 });
    expect(zoomedBy({ every: 1, columnPx: 1 }, -3, [1], 2)).toEqual({ every: 1, columnPx: 1 });
  });

  it('shows a session of 23 hours on a map of 500 px', () => {
    const all = zoomsOf(levelsOf(100), 1);
    expect((all.at(-1)?.every ?? 0) * 500 * 0.1).toBeGreaterThan(23 * 3600);
  });
});

describe('a column', () => {
  const sent = (last: number, every?: number): GridUpdate => {
    const { update } = frameWith({ bin_seq: last });
    return every === undefined ? update : { ...update, every };
  };

  it('is whole where it has all bins from its first on', () => {
    expect(isWholeColumn(sent(19, 10), 10)).toBe(true);
    expect(isWholeColumn(sent(20, 10), 10)).toBe(false);
    expect(isWholeColumn(sent(19, 10), 20)).toBe(false);
    expect(isWholeColumn(sent(7), 1)).toBe(true);
    expect(isWholeColumn(sent(7), 10)).toBe(false);
  });

  it('begins at a multiple, however many bins there are', () => {
    expect([startsColumn(sent(14, 5), 10), startsColumn(sent(14, 4), 10)]).toEqual([true, false]);
    expect(startsColumn(sent(19, 20), 10)).toBe(false);
  });
});

it('says how long a column is', () => {
  const lengths = [500, 1000, 10_000, 60_000, 300_000, 1500];
  expect(lengths.map(spanText)).toEqual(['0.5 s', '1 s', '10 s', '1 min', '5 min', '1.5 s']);
});
