import { PRICE_SCALE } from './price';

/** A mark on an axis: where it is, in the axis' own units, and what it stands for. */
export interface AxisTick<T> {
  at: number;
  value: T;
}

const NICE = [1n, 2n, 5n, 10n, 20n, 25n, 50n];
/** Cell multiples that are always allowed, for tick sizes (1/32) that no decimal step fits. */
const CELL_MULTIPLES = [1n, 2n, 4n, 8n, 16n];

/**
 * The smallest round price step, a whole number of cells, that spans at least `minPx`.
 *
 * @returns the step as a `price_int`.
 */
export function priceStep(cellInt: bigint, cellPx: number, minPx: number): bigint {
  const wanted = Math.max(minPx / cellPx, 1);
  const enough = priceSteps(cellInt).find((step) => Number(step) / Number(cellInt) >= wanted);
  return enough ?? cellInt * BigInt(Math.ceil(wanted));
}

/** Every round step for cells of that size, made once: they are looked through in every frame. */
const stepsOf = new Map<bigint, readonly bigint[]>();

function priceSteps(cellInt: bigint): readonly bigint[] {
  const known = stepsOf.get(cellInt);
  if (known !== undefined) return known;
  const steps = new Set(CELL_MULTIPLES.map((multiple) => cellInt * multiple));
  for (let decade = PRICE_SCALE / 100_000n; decade <= PRICE_SCALE * 100_000n; decade *= 10n) {
    for (const nice of NICE) {
      if ((nice * decade) % cellInt === 0n) steps.add(nice * decade);
    }
  }
  const sorted = [...steps].sort((a, b) => (a < b ? -1 : 1));
  stepsOf.set(cellInt, sorted);
  return sorted;
}

/**
 * Round prices between two cells, ascending.
 *
 * @param low, high the visible cells, inclusive, relative to `baseInt`.
 */
export function priceTicks(
  grid: { cellInt: bigint; baseInt: bigint },
  low: number,
  high: number,
  step: bigint,
): AxisTick<bigint>[] {
  const { cellInt, baseInt } = grid;
  const lowest = baseInt + BigInt(Math.ceil(low)) * cellInt;
  const highest = baseInt + BigInt(Math.floor(high)) * cellInt;
  const remainder = ((lowest % step) + step) % step;
  const ticks: AxisTick<bigint>[] = [];
  for (let price = remainder === 0n ? lowest : lowest + step - remainder; price <= highest;) {
    ticks.push({ at: Number(price - baseInt) / Number(cellInt), value: price });
    price += step;
  }
  return ticks;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const TIME_STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 4, 6, 12].map((n) => n * HOUR),
];

/** The smallest round time step in ms that spans at least `minPx`, with `msPerPx` ms a pixel. */
export function timeStep(msPerPx: number, minPx: number): number {
  const wanted = msPerPx * minPx;
  return TIME_STEPS.find((step) => step >= wanted) ?? 24 * HOUR;
}

/** Round times from `fromMs` to `toMs`, inclusive (ms; a multiple of the step each). */
export function timeTicks(fromMs: number, toMs: number, step: number): number[] {
  const ticks: number[] = [];
  for (let index = Math.ceil(fromMs / step); index * step <= toMs; index += 1) {
    ticks.push(Math.round(index * step));
  }
  return ticks;
}
