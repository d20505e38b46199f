import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MODES } from '../../src/state/modes';
import { formatShown, MOST_PANES, parseShown } from '../../src/state/panes';
import { parsePlace, type Place } from '../../src/state/place';

const places: fc.Arbitrary<Place> = fc.record({
  serving: fc.option(fc.string({ minLength: 1 })),
  at: fc.option(fc.constantFrom('09:31:30', '23:59:59.9')),
  paused: fc.boolean(),
  mode: fc.option(fc.constantFrom(...MODES.map(({ id }) => id))),
  columnWidth: fc.constantFrom(null, 4, 12.5),
  halfRows: fc.constantFrom(null, 40),
  depth: fc.constantFrom(null, { low: 5, high: 200 }),
});

describe('the charts of an address', () => {
  it('come back from it as they were', () => {
    const shown = fc.record({
      places: fc.array(places, { minLength: 1, maxLength: MOST_PANES }),
      active: fc.nat(MOST_PANES - 1),
      stacked: fc.boolean(),
    });
    fc.assert(
      fc.property(shown, (drawn) => {
        const wanted = { ...drawn, active: drawn.active % drawn.places.length };
        const before = '?serving=before&pane=mode%3Dflow&active=1&stacked=1&other=2';
        const query = formatShown(wanted, before);
        expect(parseShown(query)).toEqual(wanted);
        expect(parsePlace(query)).toEqual(wanted.places[wanted.active]);
        expect(new URLSearchParams(query).get('other')).toBe('2');
      }),
    );
  });

  it('are one where it names one, as before there were several', () => {
    const query = '?serving=demo&at=09:31:30';
    expect(parseShown(query)).toEqual({
      places: [parsePlace(query)],
      active: 0,
      stacked: false,
    });
    expect(formatShown(parseShown(query))).toBe(query);
  });

  it('are never more than fit, and one of them is always active', () => {
    const many = `?serving=a${'&pane=serving%3Db'.repeat(9)}`;
    for (const active of ['', '&active=99', '&active=-1', '&active=1.5', '&active=x']) {
      const shown = parseShown(many + active);
      expect(shown.places).toHaveLength(MOST_PANES);
      expect(shown.places[shown.active]?.serving).toBe('a');
    }
  });
});
