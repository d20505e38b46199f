/** Round numbers for an axis. */

const STEPS = [1, 2, 2.5, 5, 10];

/** About `count` round numbers from `low` to `high`, and the limits that hold them all. */
export function roundTicks(
  low: number,
  high: number,
  count = 5,
): { at: number[]; low: number; high: number } {
  const span = high > low ? high - low : Math.max(Math.abs(low), 1);
  const rough = span / Math.max(count - 1, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((each) => each * power >= rough - 1e-12 * power) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  const at = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  return { at, low: at[0] ?? low, high: at.at(-1) ?? high };
}

/** Least and greatest of what is a number; 0 is always within. */
export function extentOf(values: Iterable<number | null | undefined>): [number, number] {
  let [low, high] = [0, 0];
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
