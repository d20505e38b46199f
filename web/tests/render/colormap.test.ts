import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  colourPosition,
  colourTable,
  cssGradient,
  lightness,
  parseHex,
  TABLE_SIZE,
} from '../../src/render/colormap';
import { CHANNELS, columnFlags, fillColumn } from '../../src/render/column';
import { PALETTE } from '../../src/render/palette';
import { frameWith, LAYOUT, packedValue } from '../support/bins';

const MIDDLE = (TABLE_SIZE - 1) / 2;

function lightnesses(kind: 'diverging' | 'sequential'): number[] {
  const table = colourTable(kind);
  return Array.from({ length: TABLE_SIZE }, (_unused, entry) => lightness(table, entry));
}

describe('colourTable', () => {
  it('gets steadily lighter away from the neutral colour', () => {
    const sequential = lightnesses('sequential');
    const diverging = lightnesses('diverging');
    const rising = [sequential, diverging.slice(MIDDLE), diverging.slice(0, MIDDLE + 1).reverse()];
    for (const arm of rising) {
      arm.slice(1).forEach((value, index) => {
        // A byte of rounding is allowed.
        expect(value).toBeGreaterThan((arm[index] ?? 0) - 0.004);
      });
    }
  });

  it('gives equal strength to both signs', () => {
    const diverging = lightnesses('diverging');
    for (let offset = 0; offset <= MIDDLE; offset += 1) {
      const difference = (diverging[MIDDLE + offset] ?? 0) - (diverging[MIDDLE - offset] ?? 0);
      expect(Math.abs(difference)).toBeLessThan(0.08);
    }
  });

  it('has the neutral colour exactly in the middle', () => {
    const table = colourTable('diverging');
    expect([...table.subarray(MIDDLE * 4, MIDDLE * 4 + 3)]).toEqual(parseHex(PALETTE.neutral));
  });

  it('has five flat states', () => {
    const table = new Uint32Array(colourTable('states').buffer);
    expect(new Set(table).size).toBe(5);
    const codes = [-2, -1, 0, 1, 2].map((code) => {
      return table[Math.round(colourPosition(code, 'states', 2, false) * (TABLE_SIZE - 1))];
    });
    expect(new Set(codes).size).toBe(5);
  });

  it('makes a legend', () => {
    expect(cssGradient('states').match(/rgb/g)).toHaveLength(5);
  });
});

describe('colourPosition', () => {
  const values = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
  const kinds = fc.constantFrom('diverging' as const, 'sequential' as const);

  it('stays in the table and grows with the value', () => {
    fc.assert(
      fc.property(kinds, fc.boolean(), values, values, (kind, root, a, b) => {
        const [low, high] =
          kind === 'sequential'
            ? [Math.abs(a), Math.abs(b)].sort((x, y) => x - y)
            : [Math.min(a, b), Math.max(a, b)];
        const positions = [low ?? 0, high ?? 0].map((v) => colourPosition(v, kind, 50, root));
        expect(positions[0]).toBeGreaterThanOrEqual(0);
        expect(positions[1]).toBeLessThanOrEqual(1);
        expect(positions[0]).toBeLessThanOrEqual(positions[1] ?? NaN);
      }),
    );
  });

  it('puts zero on the neutral colour', () => {
    expect(colourPosition(0, 'diverging', 1, false)).toBe(0.5);
    expect(colourPosition(0, 'sequential', 1, true)).toBe(0);
  });
});

describe('fillColumn', () => {
  it('puts what each mode shows into its channel', () => {
    const frame = frameWith({});
    const out = new Float32Array(LAYOUT.rows * CHANNELS);
    fillColumn(frame, LAYOUT.rows, out);
    const value = (field: Parameters<typeof packedValue>[1], row: number): number =>
      packedValue(frame.cells, field, row);
    for (const row of [0, 37, 100]) {
      const net = value('pressure_variant', row) - value('vacuum_variant', row);
      expect([...out.subarray(row * CHANNELS, (row + 1) * CHANNELS)]).toEqual(
        [value('flow_score', row), net, value('rest_depth', row), value('state5_code', row)].map(
          Math.fround,
        ),
      );
    }
  });
});

describe('columnFlags', () => {
  it('tells a gap, a valid book and one that is not', () => {
    expect(columnFlags(undefined)).toBe(0);
    expect(columnFlags(frameWith({}))).toBe(3);
    expect(columnFlags(frameWith({ book_valid: false }))).toBe(1);
  });
});
