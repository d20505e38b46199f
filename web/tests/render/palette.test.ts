import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { parseHex } from '../../src/render/colormap';
import { PAGE, paletteCss, THEMES } from '../../src/render/palette';

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

const SERIES = ['series-0', 'series-1', 'series-2'];

type Triple = readonly number[];

function linear(colour: string): Triple {
  return parseHex(colour).map((byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
}

/** What eyes make of linear red, green and blue: the matrices of Machado, Oliveira and Fernandes (2009), severity 1. */
const SEEN: Readonly<Record<string, readonly Triple[]>> = {
  'blind to red': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'blind to green': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'blind to blue': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function seen(colour: string, eyes: string): Triple {
  const light = linear(colour);
  return (SEEN[eyes] ?? []).map((row) =>
    Math.max(
      row.reduce((sum, share, index) => sum + share * (light[index] ?? 0), 0),
      0,
    ),
  );
}

/** How different two colours look, in OKLab; 0.02 is just to be noticed side by side. */
function apart(a: Triple, b: Triple): number {
  const lab = ([r = 0, g = 0, blue = 0]: Triple): number[] => {
    const [l, m, s] = [
      0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * blue,
      0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * blue,
      0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * blue,
    ].map(Math.cbrt) as [number, number, number];
    return [
      0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
      1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
      0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
    ];
  };
  const [one, other] = [lab(a), lab(b)];
  return Math.hypot(...one.map((value, index) => value - (other[index] ?? 0)));
}

describe.each(['dark', 'light'] as const)('the %s theme', (theme) => {
  const { buy, sell, halo, ground, bull, bear, invalid, score } = THEMES[theme];

  it('tells buyers from sellers, and both from the halo that parts them from any cell', () => {
    expect(contrast(buy, sell)).toBeGreaterThan(3);
    expect(contrast(buy, halo)).toBeGreaterThan(3);
    expect(contrast(sell, halo)).toBeGreaterThan(3);
  });

  it('shows lines and states on the ground', () => {
    for (const colour of [bull, bear, score]) expect(contrast(colour, ground)).toBeGreaterThan(3);
    expect(contrast(invalid, ground)).toBeGreaterThan(2.5);
  });

  it('writes text that can be read', () => {
    const page: Record<string, string> = PAGE[theme];
    const on = (text: string, under: string): number =>
      contrast(page[text] ?? '', page[under] ?? '');
    for (const under of ['ground', 'surface', 'raised']) {
      for (const text of ['text', 'muted', 'bull', 'bear', 'bid', 'ask', 'focus']) {
        expect(on(text, under), `${text} on ${under}`).toBeGreaterThan(4.5);
      }
    }
    expect(on('good-text', 'good-ground')).toBeGreaterThan(4.5);
    expect(on('warn-text', 'warn-ground')).toBeGreaterThan(4.5);
    expect(on('ground', 'warn')).toBeGreaterThan(4.5);
    for (const series of SERIES) expect(on(series, 'surface'), series).toBeGreaterThan(4.5);
  });

  it.each(Object.keys(SEEN))('keeps apart what must be for eyes that are %s', (eyes) => {
    const { forces, sides } = THEMES[theme];
    const page: Record<string, string> = PAGE[theme];
    const pairs: [string, string][] = [
      [buy, sell],
      [bull, bear],
      [PAGE[theme].pressure, PAGE[theme].vacuum],
      // A third of the way to the ends, where a value is no more than middling.
      ...[forces, sides].map((ramp): [string, string] => [ramp[2] ?? '', ramp[6] ?? '']),
      ...SERIES.flatMap((one, index) =>
        SERIES.slice(0, index).map((other): [string, string] => [
          page[one] ?? '',
          page[other] ?? '',
        ]),
      ),
    ];
    for (const [a, b] of pairs)
      expect(apart(seen(a, eyes), seen(b, eyes)), `${a} and ${b}`).toBeGreaterThan(0.1);
  });

  it('has no hue for two things', () => {
    const page: Record<string, string> = PAGE[theme];
    const sided = ['bull', 'bear', 'pressure', 'vacuum'];
    for (const [index, one] of sided.entries())
      for (const other of [...sided.slice(0, index), ...SERIES])
        expect(
          apart(linear(page[one] ?? ''), linear(page[other] ?? '')),
          `${one} and ${other}`,
        ).toBeGreaterThan(0.1);
  });
});

describe('paletteCss', () => {
  it('is what the page loads', () => {
    const file = new URL('../../src/ui/styles/palette.css', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(paletteCss());
  });
});
