import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chartLayout, heightOf, widthOf } from '../../src/state/layout';
import {
  INITIAL_VIEW,
  limitCentre,
  limitEdge,
  reduceView,
  zoomedHalfRows,
  type ViewState,
} from '../../src/state/view';
import {
  cellAt,
  makeViewport,
  seqAt,
  visibleCells,
  visibleColumns,
  xOf,
  yOf,
} from '../../src/state/viewport';

const READY: ViewState = reduceView(INITIAL_VIEW, { kind: 'grid', radius: 50 });

describe('reduceView', () => {
  it('shows most of the grid at first and keeps the zoom on a reconnect', () => {
    expect(READY.halfRows).toBe(40);
    const zoomed = reduceView(READY, { kind: 'place', to: { halfRows: 20 } });
    expect(reduceView(zoomed, { kind: 'grid', radius: 50 })).toEqual(zoomed);
  });

  it('keeps rows that were set before the grid was known, within its limits', () => {
    const set = reduceView(INITIAL_VIEW, { kind: 'place', to: { halfRows: 500 } });
    expect(reduceView(set, { kind: 'grid', radius: 50 }).halfRows).toBe(75);
  });

  it('follows time and price again when asked to', () => {
    const held = reduceView(READY, { kind: 'place', to: { edge: 5, centre: 2 } });
    expect(reduceView(held, { kind: 'follow' })).toEqual(READY);
  });
});

describe('zoomedHalfRows', () => {
  it('has no price step that does nothing, up to its limits', () => {
    for (let rows = 7; rows < 75; rows += 1) {
      expect(zoomedHalfRows(rows, 1, 50)).toBeLessThan(rows);
      expect(zoomedHalfRows(rows, -1, 50)).toBeGreaterThan(rows);
    }
    expect(zoomedHalfRows(6, 1, 50)).toBe(6);
    expect(zoomedHalfRows(75, -1, 50)).toBe(75);
  });
});

describe('rows', () => {
  const rowsAt = (columnWidth: number): number | null =>
    reduceView(READY, { kind: 'place', to: { columnWidth, halfRows: 500 } }).halfRows;

  it('are more where hours are in view, and no more than before once they are not', () => {
    expect([rowsAt(3), rowsAt(0.3), rowsAt(0.01)]).toEqual([75, 75, 500]);
    expect(zoomedHalfRows(75, -1, 50, 0.01)).toBe(90);
    const far = reduceView(READY, { kind: 'place', to: { columnWidth: 0.01, halfRows: 500 } });
    expect(reduceView(far, { kind: 'place', to: { columnWidth: 1 } }).halfRows).toBe(75);
  });
});

describe('limits', () => {
  it('looks back only as far as is kept, and follows again at the newest bin', () => {
    const kept = { head: 999, tail: 200 };
    expect(limitEdge(700, 300, kept)).toBe(700);
    expect(limitEdge(10, 300, kept)).toBe(500);
    expect(limitEdge(1000, 300, kept)).toBeNull();
  });

  it('stays where it is while the bins do not fill the view', () => {
    expect(limitEdge(3, 300, { head: 50, tail: 0 })).toBeNull();
  });

  it('never leaves a view without cells', () => {
    const sizes = { halfRows: 40, radius: 50 };
    expect(limitCentre(5, 0, sizes, false)).toBe(5);
    expect(limitCentre(500, 0, sizes, false)).toBe(70);
    expect(limitCentre(-500, 0, sizes, true)).toBe(-36);
    expect(limitCentre(5, NaN, sizes, true)).toBe(5);
  });
});

describe('chartLayout', () => {
  it('fills the chart without overlap, in whole pixels, at any size', () => {
    const sizes = fc.tuple(
      fc.double({ min: 0, max: 5000, noNaN: true }),
      fc.double({ min: 0, max: 3000, noNaN: true }),
      fc.constantFrom(0.75, 1, 1.25, 1.5, 2, 3),
    );
    fc.assert(
      fc.property(sizes, ([width, height, ratio]) => {
        const layout = chartLayout(width, height, ratio);
        const { heat, ladder, delta, signal, lateness, timeAxis, priceAxis } = layout;
        expect(heat.bottom).toBeLessThanOrEqual(delta.top);
        expect(delta.bottom).toBe(signal.top);
        expect(signal.bottom).toBe(lateness.top);
        expect(lateness.bottom).toBe(timeAxis.top);
        expect(ladder.left).toBe(heat.right);
        expect(priceAxis.left).toBe(ladder.right);
        for (const rect of [heat, ladder, delta, signal, lateness, timeAxis, priceAxis]) {
          expect(Object.values(rect).every(Number.isInteger)).toBe(true);
          expect(Math.min(widthOf(rect), heightOf(rect))).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});

describe('makeViewport', () => {
  const layout = chartLayout(1200, 700, 1.5);
  const positions = fc.double({ min: 0, max: 1e6, noNaN: true });
  const centres = fc.double({ min: -5000, max: 5000, noNaN: true });

  it('puts columns on whole pixels wherever the view stands', () => {
    fc.assert(
      fc.property(
        positions,
        centres,
        fc.double({ min: 0.2, max: 32, noNaN: true }),
        (edge, centre, width) => {
          const view = makeViewport(layout, edge, centre, width, 40);
          const x = xOf(view, Math.floor(edge));
          expect(Math.abs(x - Math.round(x))).toBeLessThan(1e-3);
          expect(Math.abs(view.edge - edge)).toBeLessThanOrEqual(0.5 / view.columnPx + 1e-9);
        },
      ),
    );
  });

  it('finds the column and cell of a point again', () => {
    fc.assert(
      fc.property(positions, centres, fc.nat(1000), fc.nat(500), (edge, centre, x, y) => {
        const view = makeViewport(layout, edge, centre, 3, 40);
        expect(xOf(view, seqAt(view, x))).toBeCloseTo(x, 3);
        expect(yOf(view, cellAt(view, y))).toBeCloseTo(y, 3);
      }),
    );
  });

  it('shows the asked rows around the centre and the columns up to the edge', () => {
    const view = makeViewport(layout, 500, 12, 3, 40);
    const { low, high } = visibleCells(view);
    expect(high - low).toBeCloseTo(81, 9);
    expect((high + low) / 2).toBeCloseTo(12, 1);
    expect(visibleColumns(view).to).toBe(499);
  });
});
