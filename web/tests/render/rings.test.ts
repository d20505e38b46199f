import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CHANNELS, columnFlags, fillColumn, TEXELS } from '../../src/render/column';
import { CELLS_UNIT, Rings } from '../../src/render/gl/rings';
import { History } from '../../src/state/history';
import type { Frame } from '../../src/state/frame';
import { frameWith, LAYOUT } from '../support/bins';

const { rows, columns } = LAYOUT;
const PROJECTION = columns.findLastIndex((name) => name.startsWith('proj_'));
const TEMPLATE = frameWith({});

/** A bin whose cells are of no other bin. */
function bin(seq: number): Frame {
  return { ...TEMPLATE, seq, anchor: seq, cells: TEMPLATE.cells.map((value) => value + seq) };
}

/** Takes uploads into arrays as a WebGL context does into textures: by column and row. */
class Textures {
  readonly cells: (number[] | undefined)[] = [];
  readonly flags: (number[] | undefined)[] = [];
  uploads = 0;
  private unit = 0;
  readonly context = {
    TEXTURE0: 0,
    activeTexture: (unit: number) => {
      this.unit = unit;
    },
    createTexture: () => ({}),
    bindTexture: () => undefined,
    deleteTexture: () => undefined,
    texParameteri: () => undefined,
    texImage2D: () => undefined,
    texSubImage2D: (...given: unknown[]) => {
      const [, , x, y, width, height, , , values] = given as number[] & { 8: Float32Array };
      this.take(x, y, width, height, values);
    },
  } as unknown as WebGL2RenderingContext;

  private take(
    x = 0,
    y = 0,
    width = 0,
    height = 0,
    values: Float32Array = new Float32Array(),
  ): void {
    expect(y).toBe(0);
    this.uploads += 1;
    const isCells = this.unit === CELLS_UNIT;
    const size = isCells ? 4 : 2;
    for (let column = 0; column < width; column += 1) {
      const texels = Array.from({ length: height }, (_unused, row) => {
        const at = (row * width + column) * size;
        return [...values.slice(at, at + size)];
      });
      (isCells ? this.cells : this.flags)[x + column] = texels.flat();
    }
  }
}

function wanted(frame: Frame): number[] {
  const column = new Float32Array(rows * CHANNELS);
  fillColumn(frame, rows, column, PROJECTION);
  return [...column];
}

describe('Rings', () => {
  it('put every bin into its column, whatever comes together and in whatever order', () => {
    const arrivals = fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.boolean()), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 200 }), arrivals, (capacity, given) => {
        const textures = new Textures();
        const history = new History(capacity);
        const rings = new Rings(textures.context, rows, columns);
        rings.bind(history);
        let next = 5;
        const left: number[] = [];
        for (const [count, skips] of given) {
          for (let at = 0; at < count; at += 1, next += 1) {
            if (skips && at % 3 === 1) left.push(next);
            else history.push(bin(next));
          }
          if (!skips) for (const seq of left.splice(0).reverse()) history.fill(bin(seq));
          const { from, to } = history.takeDirty();
          rings.upload(history, from, to);
          rings.uploadEach(history, history.takeFilled());
        }
        for (let seq = history.tail; seq <= history.head; seq += 1) {
          const frame = history.at(seq);
          const slot = history.slotOf(seq);
          expect(textures.flags[slot]?.[1]).toBe(columnFlags(frame));
          if (frame === undefined) continue;
          expect(textures.flags[slot]?.[0]).toBe(seq);
          expect(textures.cells[slot]).toEqual(wanted(frame));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('take bins that lie beside one another with few uploads', () => {
    const textures = new Textures();
    const history = new History(4096);
    const rings = new Rings(textures.context, rows, columns);
    rings.bind(history);
    history.push(bin(500));
    for (let seq = 499; seq >= 400; seq -= 1) history.fill(bin(seq));
    history.takeDirty();
    rings.uploadEach(history, history.takeFilled());
    expect(textures.uploads).toBe(4);
  });
});

describe('fillColumn', () => {
  it('leaves the columns beside it alone', () => {
    const out = new Float32Array(rows * TEXELS * 4 * 3).fill(-7);
    fillColumn(bin(3), rows, out, PROJECTION, 1, 3);
    const others = [...out].filter((_value, at) => Math.floor(at / 4) % 3 !== 1);
    expect(new Set(others)).toEqual(new Set([-7]));
  });
});
