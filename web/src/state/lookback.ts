import type { History } from './history';

/** Bins from `from` to `to`, both included. */
export interface Stretch {
  from: number;
  to: number;
}

interface Asked extends Stretch {
  /** When it was asked for, or the last bin of it came, ms of the page's clock. */
  atMs: number;
  /** It is not in view, and gives way to what is. */
  aside: boolean;
}

/** After so long without a bin an answer is not waited for any longer, ms. */
const PATIENCE_MS = 4000;
/** Between an answer that brought less than was asked for and the next request, ms. */
const REST_MS = 1000;
/** A view that moves does not ask anew more often than this, ms. */
const HASTE_MS = 150;
/** From this share of missing bins on a stretch is asked for as a whole. */
const WORTH = 0.5;

/** Decides which bins are asked for, and when: one request at a time, and none again at once that brought nothing. */
export class LookBack {
  private asked: Asked | null = null;
  private restUntilMs = -Infinity;

  /**
   * What to ask for now, or null.
   *
   * @param visible what is in view.
   */
  next(history: History, visible: Stretch, nowMs: number): Stretch | null {
    if (nowMs < this.restUntilMs) return null;
    const stretch = missing(history, visible);
    if (stretch === null || this.isUnderWay(stretch, nowMs)) return null;
    this.begin(stretch, nowMs);
    return stretch;
  }

  /** A stretch is asked for, whatever was asked for before. */
  begin({ from, to }: Stretch, nowMs: number, aside = false): void {
    this.asked = { from, to, atMs: nowMs, aside };
    if (!aside) this.restUntilMs = nowMs + HASTE_MS;
  }

  /** A bin of the answer came. */
  arrived(nowMs: number): void {
    if (this.asked !== null) this.asked.atMs = nowMs;
  }

  /** The answer is over: `bins` came, or it was refused. */
  ended(bins: number, nowMs: number): void {
    const { asked } = this;
    this.asked = null;
    const whole = asked === null || asked.aside || bins >= asked.to - asked.from + 1;
    if (!whole) this.restUntilMs = nowMs + REST_MS;
  }

  /** There is nobody to answer any more. */
  reset(): void {
    this.asked = null;
    this.restUntilMs = -Infinity;
  }

  /** Whether no answer is waited for. */
  isIdle(nowMs: number): boolean {
    return this.asked === null || nowMs - this.asked.atMs > PATIENCE_MS;
  }

  private isUnderWay({ from, to }: Stretch, nowMs: number): boolean {
    const { asked } = this;
    if (asked === null || asked.aside || this.isIdle(nowMs)) return false;
    return from <= asked.to && to >= asked.from;
  }
}

/** The stretch to ask for: all between the first and the last missing bin, or the newest gap when few are missing. */
export function missing(history: History, { from, to }: Stretch): Stretch | null {
  let newest = -1;
  let oldest = -1;
  let gapFrom = -1;
  let bins = 0;
  for (let seq = Math.min(to, history.head); seq >= Math.max(from, history.reach); seq -= 1) {
    if (history.at(seq) !== undefined) continue;
    if (newest < 0) newest = seq;
    if (gapFrom < 0 || seq === gapFrom - 1) gapFrom = seq;
    oldest = seq;
    bins += 1;
  }
  if (newest < 0) return null;
  const worth = bins >= WORTH * (newest - oldest + 1);
  return { from: worth ? oldest : gapFrom, to: newest };
}
