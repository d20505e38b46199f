import { CLOSE } from './types';

const FIRST_MS = 500;
const LONGEST_MS = 15_000;
/** A full server is asked less often: others are waiting too. */
const FULL_MS = 5_000;
const JITTER = 0.2;

/**
 * How long to wait before connecting again, in ms, or null when it is no use.
 *
 * Doubles with every failed attempt up to 15 s, with 20 % jitter so that many pages do not return at once.
 *
 * @param closeCode the WebSocket close code.
 * @param attempt failed attempts so far, from 0.
 * @param random uniform in [0, 1).
 */
export function retryDelay(closeCode: number, attempt: number, random: number): number | null {
  if (closeCode === CLOSE.finished || closeCode === CLOSE.refused) return null;
  const base = Math.min(FIRST_MS * 2 ** Math.min(attempt, 30), LONGEST_MS);
  const floor = closeCode === CLOSE.full ? Math.max(base, FULL_MS) : base;
  return Math.round(floor * (1 - JITTER + 2 * JITTER * random));
}
