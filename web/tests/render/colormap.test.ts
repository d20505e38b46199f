import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import {
  colourPosition,
  colourTable,
  cssGradient,
  lightness,
  parseHex,
  TABLE_SIZE,
} from '../../src/render/colormap';
import { CHANNELS, columnFlags, fillColumn } from '../../src/render/column';
import { PALETTE, usePalette, type Theme } from '../../src/render/palette';
import { longestProjection } from '../../src/wire/cells';
import { frameWith, LAYOUT, packedValue } from '../support/bins';

const MIDDLE = (TABLE_SIZE - 1) / 2;

function lightnesses(kind: 'forces' | 'sides', theme: Theme): number[] {
  usePalette(theme);
  const table = colourTable(kind);
  return Array.from({ length: TABLE_SIZE }, (_unused, entry) => lightness(table, entry));
}

afterEach(() => {
  usePalette('dark');
});

const RAMPS = (['forces', 'sides'] as const).flatMap((kind) =>
  (['dark', 'light'] as const).map((theme) => [kind, theme] as const),
);

describe('colourTable', () => {
  describe.each(RAMPS)('of %s in the %s', (kind, theme) => {
    const all = lightnesses(kind, theme);

    it('moves steadily away from the lightness of the neutral colour', () => {
      const sign = theme === 'dark' ? 1 : -1;
      for (const arm of [all.slice(MIDDLE), all.slice(0, MIDDLE + 1).reverse()]) {
        arm.slice(1).forEach((value, index) => {
          // A byte of rounding is allowed.
          expect(sign * (value - (arm[index] ?? 0))).toBeGreaterThan(-0.004);
        });
      }
    });

    it('gives equal strength to both signs', () => {
      for (let offset = 0; offset <= MIDDLE; offset += 1) {
        const difference = (all[MIDDLE + offset] ?? 0) - (all[MIDDLE - offset] ?? 0);
        expect(Math.abs(difference)).toBeLessThan(0.08);
      }
    });

    it('has the neutral colour exactly in the middle', () => {
      usePalette(theme);
      const table = colourTable(kind);
      expect([...table.subarray(MIDDLE * 4, MIDDLE * 4 + 3)]).toEqual(parseHex(PALETTE.neutral));
    });
  });

  it('has five flat states', () => {
    const table = new Uint32Array(colourTable('states').buffer);
    expect(new Set(table).size).toBe(5);
    const codes = [-2, -1, 0, 1, 2].map((code) => {
      return table[Math.round(colourPosition(code, 2, 'linear') * (TABLE_SIZE - 1))];
    });
    expect(new Set(codes).size).toBe(5);
  });

  it('makes a legend', () => {
    expect(cssGradient('states').match(/rgb/g)).toHaveLength(5);
  });
});

describe('colourPosition', () => {
  const values = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
  const curves = fc.constantFrom('linear' as const, 'root' as const, 'log' as const);

  it('stays in the table and grows with the value', () => {
    fc.assert(
      fc.property(curves, values, values, (curve, a, b) => {
        const positions = [Math.min(a, b), Math.max(a, b)].map((v) => colourPosition(v, 50, curve));
        expect(positions[0]).toBeGreaterThanOrEqual(0);
        expect(positions[1]).toBeLessThanOrEqual(1);
        expect(positions[0]).toBeLessThanOrEqual(positions[1] ?? NaN);
      }),
    );
  });

  it('puts zero on the neutral colour', () => {
    for (const curve of ['linear', 'root', 'log'] as const) {
      expect(colourPosition(0, 1, curve)).toBe(0.5);
    }
  });

  it('dims depth by little when the range grows to four times', () => {
    const strength = (range: number): number => 2 * colourPosition(50, range, 'log') - 1;
    expect(strength(50)).toBe(1);
    expect(strength(200)).toBeGreaterThan(0.6);
  });
});

describe('fillColumn', () => {
  it('puts what each mode shows into its channel', () => {
    const frame = frameWith({});
    const out = new Float32Array(LAYOUT.rows * CHANNELS);
    const projection = longestProjection(LAYOUT.columns);
    fillColumn(frame, LAYOUT.rows, out, projection);
    const value = (field: Parameters<typeof packedValue>[1], row: number): number =>
      packedValue(frame.cells, field, row);
    for (const row of [0, 37, 100]) {
      const offered = value('ask_depth', row) > value('bid_depth', row);
      const depth = (offered ? -1 : 1) * value('rest_depth', row);
      const [pressure, vacuum] = [value('pressure_variant', row), value('vacuum_variant', row)];
      const projected = frame.cells[projection * LAYOUT.rows + row] ?? NaN;
      const scores = [value('flow_score', row), projected, value('state5_code', row), 0];
      expect([...out.subarray(row * CHANNELS, (row + 1) * CHANNELS)]).toEqual(
        [depth, pressure - vacuum, pressure, -vacuum, ...scores].map(Math.fround),
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
