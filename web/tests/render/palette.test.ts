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
  });
});

describe('paletteCss', () => {
  it('is what the page loads', () => {
    const file = new URL('../../src/ui/styles/palette.css', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(paletteCss());
  });
});
