import type { SignalUpdate } from '../wire/types';
import { fixed, NONE, signed } from './format';
import type { History } from './history';

/** How many bins a state is followed back, so that a frame costs the same however long it has held. */
const LOOK_BACK = 600;

/** The promoted signal of a bin; of a server that sends none, the derivative stage. */
export interface Promoted {
  name: string;
  /** Null where there is no number to show. */
  value: number | null;
  /** `value` from −1 (bearish) to 1 (bullish), 0 where there is none. */
  lean: number;
  /** Whether zero leans to no side; a probability leans to none at a half. */
  probability: boolean;
  ready: boolean;
  state: number;
  threshold: number | null;
  detail: [name: string, value: number | null][];
}

export function promotedOf(signal: SignalUpdate): Promoted {
  const sent = signal.value !== undefined;
  const value = sent ? (signal.value ?? null) : signal.score;
  const probability = signal.kind === 'probability';
  return {
    name: signal.name,
    value: signal.ready ? value : null,
    lean: leanOf(value, probability),
    probability,
    ready: signal.ready,
    state: signal.state ?? 0,
    threshold: signal.threshold ?? null,
    detail: Object.entries(signal.detail ?? {}),
  };
}

function leanOf(value: number | null, probability: boolean): number {
  if (value === null) return 0;
  return Math.min(Math.max(probability ? 2 * value - 1 : value, -1), 1);
}

/** A value as it is written: with its sign, unless it is a probability. */
export function valueText({ value, probability }: Promoted, decimals: number): string {
  if (value === null) return NONE;
  return probability ? fixed(value, decimals) : signed(value, decimals);
}

/** The signal in a sentence: "imbalance +0.62, above 0.50: bullish for 1.8 s". */
export function sentence(promoted: Promoted, heldBins: number, binMs: number): string {
  const { name, ready, state, threshold, value } = promoted;
  if (!ready) return `${name} is warming up`;
  if (value === null) return `${name} has no value in this bin`;
  const told = `${name} ${valueText(promoted, 2)}`;
  if (threshold === null) return told;
  const level = promoted.probability ? 1 - threshold : -threshold;
  const where =
    state > 0
      ? `above ${fixed(threshold, 2)}: bullish`
      : state < 0
        ? `below ${fixed(level, 2)}: bearish`
        : `between ${fixed(level, 2)} and ${fixed(threshold, 2)}: neutral`;
  return `${told}, ${where} ${heldText(heldBins, binMs)}`;
}

function heldText(bins: number, binMs: number): string {
  const seconds = fixed((bins * binMs) / 1000, 1);
  return bins > LOOK_BACK ? `for more than ${seconds} s` : `for ${seconds} s`;
}

/** For how many bins on end, the newest included, the signal has been in its state. */
export function heldBins(history: History): number {
  const state = history.newest?.update.signal.state;
  let bins = 0;
  while (bins <= LOOK_BACK && history.at(history.head - bins)?.update.signal.state === state) {
    bins += 1;
    if (history.head - bins < history.tail) break;
  }
  return bins;
}
