import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chartLayout, heightOf, widthOf } from '../../src/state/layout';
import { COLUMN_WIDTHS, INITIAL_VIEW, reduceView, type ViewState } from '../../src/state/view';
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
    const zoomed = reduceView(READY, { kind: 'zoom_price', steps: 2 });
    expect(reduceView(zoomed, { kind: 'grid', radius: 50 })).toEqual(zoomed);
  });

  it('stays within its zoom limits, whatever is asked', () => {
    const zooms = fc.array(
      fc.record({
        kind: fc.constantFrom('zoom_time' as const, 'zoom_price' as const),
        steps: fc.integer({ min: -9, max: 9 }),
      }),
    );
    fc.assert(
      fc.property(zooms, (actions) => {
        const view = actions.reduce<ViewState>(reduceView, READY);
        expect(COLUMN_WIDTHS).toContain(view.columnWidth);
        expect(view.halfRows).toBeGreaterThanOrEqual(6);
        expect(view.halfRows).toBeLessThanOrEqual(75);
        expect(Number.isInteger(view.halfRows)).toBe(true);
      }),
    );
  });

  it('looks back only as far as is kept, and follows again at the newest bin', () => {
    const pan = (state: ViewState, bins: number): ViewState =>
      reduceView(state, { kind: 'pan', bins, head: 99, tail: 20 });
    expect(pan(READY, -30).edge).toBe(70);
    expect(pan(READY, -500).edge).toBe(21);
    expect(pan(pan(READY, -30), 30).edge).toBeNull();
    expect(reduceView(pan(READY, -30), { kind: 'follow' }).edge).toBeNull();
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
        const { heat, signal, timeAxis, priceAxis } = layout;
        expect(heat.bottom).toBeLessThanOrEqual(signal.top);
        expect(signal.bottom).toBe(timeAxis.top);
        expect(priceAxis.left).toBe(heat.right);
        for (const rect of [heat, signal, timeAxis, priceAxis]) {
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
      fc.property(positions, centres, fc.constantFrom(...COLUMN_WIDTHS), (edge, centre, width) => {
        const view = makeViewport(layout, edge, centre, width, 40);
        const x = xOf(view, Math.floor(edge));
        expect(Math.abs(x - Math.round(x))).toBeLessThan(1e-3);
        expect(Math.abs(view.edge - edge)).toBeLessThanOrEqual(0.5 / view.columnPx + 1e-9);
      }),
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
