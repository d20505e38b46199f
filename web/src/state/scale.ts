/** Colour range of a quantity without natural bounds: follows what was seen, in calm round steps. */
export interface AutoScale {
  /** Slowly forgetting peak of the observed magnitudes. */
  peak: number;
  /** Magnitude that gets the strongest colour: 1, 2 or 5 times a power of ten. */
  range: number;
}

export const INITIAL_SCALE: AutoScale = { peak: 0, range: 1 };

/** Share of the peak that is forgotten each bin: half is gone after about 350 bins. */
const FORGET = 0.002;
/** The range shrinks only when the peak has fallen below this share of it, so that it does not flicker. */
const SHRINK_BELOW = 0.35;

/** The scale after a bin whose large magnitudes are about `magnitude` (see {@link largeMagnitude}). */
export function observeMagnitude(scale: AutoScale, magnitude: number): AutoScale {
  const forgotten = scale.peak * (1 - FORGET);
  // The first magnitude counts whole: a link to a moment shows one bin only.
  const first = scale.peak === 0;
  const peak = first
    ? magnitude
    : magnitude > forgotten
      ? forgotten + (magnitude - forgotten) * 0.3
      : forgotten;
  if (peak <= 0) return { peak: 0, range: scale.range };
  const outgrown = peak > scale.range;
  const shrunk = peak < scale.range * SHRINK_BELOW;
  return { peak, range: outgrown || shrunk ? niceCeil(peak) : scale.range };
}

/** The smallest 1, 2 or 5 times a power of ten that is at least `value` (> 0). */
export function niceCeil(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5].find((step) => step * decade >= value * (1 - 1e-12)) ?? 10;
  // Through text, because 3 * 10 ** -1 and the like are not the shortest decimals.
  return Number((factor * decade).toPrecision(1));
}

/** The magnitude that about 3 % of the values exceed. `scratch` is overwritten. */
export function largeMagnitude(scratch: Float64Array): number {
  for (let i = 0; i < scratch.length; i += 1) scratch[i] = Math.abs(scratch[i] ?? 0);
  scratch.sort();
  return scratch[Math.floor((scratch.length - 1) * 0.97)] ?? 0;
}
