import type { ColourKind, Curve, Half } from '../state/modes';
import { PALETTE } from './palette';

/** Entries of a colour table. Odd, so that a diverging map has its neutral colour exactly in the middle. */
export const TABLE_SIZE = 255;

/** How many times the smallest value that is told apart on a logarithmic scale fits into its range. */
export const LOG_SPAN = 30;

/** Flat pieces of a ramp's legend. */
const LEGEND_PIECES = 64;

type Triple = [number, number, number];

/**
 * A colour table as RGBA bytes, TABLE_SIZE entries from the low end to the high end, in the colours that are in use.
 * Anchors are blended in OKLab, so that equal steps look equal.
 */
export function colourTable(kind: ColourKind): Uint8Array<ArrayBuffer> {
  const anchors = PALETTE[kind].map((colour) => toOklab(parseHex(colour)));
  const table = new Uint8Array(TABLE_SIZE * 4);
  for (let entry = 0; entry < TABLE_SIZE; entry += 1) {
    const position = (entry / (TABLE_SIZE - 1)) * (anchors.length - 1);
    // States are five flat colours, not a ramp.
    const lab = kind === 'states' ? anchors[Math.round(position)] : blend(anchors, position);
    table.set([...toSrgb(lab ?? [0, 0, 0]), 255], entry * 4);
  }
  return table;
}

/**
 * Position 0..1 in the colour table of a value. NaN gives the middle.
 *
 * @param low magnitude up to which it is the middle, below `range`.
 */
export function colourPosition(value: number, range: number, curve: Curve, low = 0): number {
  const magnitude = Math.min(Math.abs(value), range) || 0;
  const share = Math.max(magnitude - low, 0) / (range - low);
  const strength =
    curve === 'log'
      ? Math.log1p(LOG_SPAN * share) / Math.log1p(LOG_SPAN)
      : curve === 'root'
        ? Math.sqrt(share)
        : share;
  return 0.5 + (value < 0 ? -0.5 : 0.5) * strength;
}

/** Perceived lightness (OKLab L, 0..1) of an entry. */
export function lightness(table: Uint8Array, entry: number): number {
  const at = entry * 4;
  return toOklab([table[at] ?? 0, table[at + 1] ?? 0, table[at + 2] ?? 0])[0];
}

/** A CSS gradient of a table or of one half of it, for the legend. */
export function cssGradient(kind: ColourKind, half?: Half): string {
  const table = colourTable(kind);
  const pieces = kind === 'states' ? PALETTE.states.length : LEGEND_PIECES;
  const middle = (TABLE_SIZE - 1) / 2;
  const [first, last] = [half === 'high' ? middle : 0, half === 'low' ? middle : TABLE_SIZE - 1];
  const stops = Array.from({ length: pieces }, (_unused, index) => {
    const entry = Math.round(first + (index / (pieces - 1)) * (last - first));
    const [r, g, b] = table.subarray(entry * 4, entry * 4 + 3);
    // Flat pieces: a legend of states must not suggest values between them.
    return `rgb(${r} ${g} ${b}) ${(index / pieces) * 100}% ${((index + 1) / pieces) * 100}%`;
  });
  return `linear-gradient(90deg, ${stops.join(', ')})`;
}

function blend(anchors: readonly Triple[], position: number): Triple {
  const index = Math.min(Math.floor(position), anchors.length - 2);
  const share = position - index;
  const low = anchors[index] ?? [0, 0, 0];
  const high = anchors[index + 1] ?? low;
  return [0, 1, 2].map((i) => (low[i] ?? 0) + ((high[i] ?? 0) - (low[i] ?? 0)) * share) as Triple;
}

/** Components 0..255 of "#rrggbb". */
export function parseHex(colour: string): Triple {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

// The OKLab matrices are Bjorn Ottosson's published constants (https://bottosson.github.io/posts/oklab/).
function toOklab(rgb: Triple): Triple {
  const [r, g, b] = rgb.map((byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Triple;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toSrgb([lightness, a, b]: Triple): Triple {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear: Triple = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((c) => {
    const clipped = Math.min(Math.max(c, 0), 1);
    const encoded = clipped <= 0.0031308 ? clipped * 12.92 : 1.055 * clipped ** (1 / 2.4) - 0.055;
    return Math.round(encoded * 255);
  }) as Triple;
}
