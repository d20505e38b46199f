/** Bins, or columns of several, from `from` to `to`, both included. */
export interface Stretch {
  from: number;
  to: number;
}

/** What is kept of all bins, or columns of several: those from `reach` to `head` can be. */
export interface Kept {
  head: number;
  reach: number;
  /** Undefined for what has to be asked for. */
  at: (seq: number) => unknown;
}

/** What was asked for. */
export interface Asked extends Stretch {
  /** Bins a column. */
  every: number;
}

interface Waited extends Asked {
  /** When it was asked for, or the last bin of it came, ms of the page's clock. */
  atMs: number;
  /** It is not in view, and gives way to what is. */
  aside: boolean;
}

/** After so long without a bin an answer is not waited for any longer, ms; making one of several takes its time. */
const PATIENCE_MS = 4000;
const PATIENCE_MS_A_BIN = 10;
/** Between an answer that brought less than was asked for and the next request, ms. */
const REST_MS = 1000;
/** A view that moves does not ask anew more often than this, ms. */
const HASTE_MS = 150;
/** From this share of missing bins on a stretch is asked for as a whole. */
const WORTH = 0.5;

/** Decides which bins are asked for, and when: one request at a time, and none again at once that brought nothing. */
export class LookBack {
  private asked: Waited | null = null;
  private restUntilMs = -Infinity;

  /**
   * What to ask for now, or null.
   *
   * @param visible what is in view. @param every bins a column: stretches and numbers are those of columns.
   */
  next(kept: Kept, visible: Stretch, nowMs: number, every = 1): Stretch | null {
    if (nowMs < this.restUntilMs) return null;
    const stretch = missing(kept, visible);
    if (stretch === null || this.isUnderWay(stretch, nowMs, every)) return null;
    this.begin(stretch, nowMs, { every });
    return stretch;
  }

  /** A stretch is asked for, whatever was asked for before. */
  begin({ from, to }: Stretch, nowMs: number, { every = 1, aside = false } = {}): void {
    this.asked = { from, to, every, atMs: nowMs, aside };
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
    if (this.asked === null) return true;
    const { every, atMs } = this.asked;
    return nowMs - atMs > PATIENCE_MS + (every > 1 ? PATIENCE_MS_A_BIN * every : 0);
  }

  private isUnderWay({ from, to }: Stretch, nowMs: number, every: number): boolean {
    const { asked } = this;
    if (asked === null || asked.aside || asked.every !== every || this.isIdle(nowMs)) return false;
    return from <= asked.to && to >= asked.from;
  }
}

/** How many of what is in view are not kept. */
export function missingCount(kept: Kept, { from, to }: Stretch): number {
  let count = 0;
  for (let seq = Math.max(from, kept.reach); seq <= Math.min(to, kept.head); seq += 1) {
    if (kept.at(seq) === undefined) count += 1;
  }
  return count;
}

/** The stretch to ask for: all between the first and the last missing bin, or the newest gap when few are missing. */
export function missing(kept: Kept, { from, to }: Stretch): Stretch | null {
  let newest = -1;
  let oldest = -1;
  let gapFrom = -1;
  let bins = 0;
  for (let seq = Math.min(to, kept.head); seq >= Math.max(from, kept.reach); seq -= 1) {
    if (kept.at(seq) !== undefined) continue;
    if (newest < 0) newest = seq;
    if (gapFrom < 0 || seq === gapFrom - 1) gapFrom = seq;
    oldest = seq;
    bins += 1;
  }
  if (newest < 0) return null;
  const worth = bins >= WORTH * (newest - oldest + 1);
  return { from: worth ? oldest : gapFrom, to: newest };
}
