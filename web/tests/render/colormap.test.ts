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

function lightnesses(kind: 'forces' | 'sides'): number[] {
  const table = colourTable(kind);
  return Array.from({ length: TABLE_SIZE }, (_unused, entry) => lightness(table, entry));
}

describe('colourTable', () => {
  describe.each(['forces', 'sides'] as const)('of %s', (kind) => {
    const all = lightnesses(kind);

    it('gets steadily lighter away from the neutral colour', () => {
      for (const arm of [all.slice(MIDDLE), all.slice(0, MIDDLE + 1).reverse()]) {
        arm.slice(1).forEach((value, index) => {
          // A byte of rounding is allowed.
          expect(value).toBeGreaterThan((arm[index] ?? 0) - 0.004);
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

describe('PALETTE', () => {
  /** Contrast of two colours as WCAG 2 defines it. */
  function contrast(a: string, b: string): number {
    const luminance = (colour: string): number => {
      const [r, g, blue] = parseHex(colour).map((byte) => {
        const c = byte / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (blue ?? 0);
    };
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
  }

  it('tells buyers from sellers, and both from the halo that parts them from any cell', () => {
    expect(contrast(PALETTE.buy, PALETTE.sell)).toBeGreaterThan(3);
    expect(contrast(PALETTE.buy, PALETTE.halo)).toBeGreaterThan(3);
    expect(contrast(PALETTE.sell, PALETTE.halo)).toBeGreaterThan(3);
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
      const offered = value('ask_depth', row) > value('bid_depth', row);
      const depth = (offered ? -1 : 1) * value('rest_depth', row);
      const net = value('pressure_variant', row) - value('vacuum_variant', row);
      expect([...out.subarray(row * CHANNELS, (row + 1) * CHANNELS)]).toEqual(
        [value('flow_score', row), net, depth, value('state5_code', row)].map(Math.fround),
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
