import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { addressOf, changed, numberOf, parsePlace, VIEWS } from '../../src/research/place';

describe('the place of an address', () => {
  it('is found again, whatever its parameters are', () => {
    const words = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(fc.constantFrom(...VIEWS), fc.dictionary(words, words), (view, query) => {
        const kept = Object.fromEntries(Object.entries(query).filter(([name]) => name !== 'view'));
        expect(parsePlace(addressOf(view, kept))).toEqual({ view, query: kept });
      }),
    );
  });

  it('keeps a parameter named like a part of every object', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const { query } = parsePlace(`?view=runs&${name}=x`);
      expect(Object.entries(query)).toEqual([[name, 'x']]);
    }
  });

  it('is the runs where no view is named, or none that there is', () => {
    expect(parsePlace('').view).toBe('runs');
    expect(parsePlace('?view=nothing').view).toBe('runs');
  });

  it('loses a parameter that is taken away, and keeps the others', () => {
    const place = parsePlace('?view=runs&signal=ofi&first=50');
    expect(parsePlace(changed(place, { first: null, sort: 'ic' }))).toEqual({
      view: 'runs',
      query: { signal: 'ofi', sort: 'ic' },
    });
  });

  it('has a number only where it is a whole one that is allowed', () => {
    for (const [text, wanted] of [
      ['7', 7],
      ['-7', 5],
      ['7.5', 5],
      ['x', 5],
      ['0', 0],
      ['99999999999', 5],
    ] as const) {
      expect(numberOf(parsePlace(`?first=${text}`), 'first', 5)).toBe(wanted);
    }
  });
});
