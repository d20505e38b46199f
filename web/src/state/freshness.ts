import { latenessAt, type Pace } from './pace';
import type { SessionState } from './session';

/** Whether what is shown is what is, and if not, why and how old it is. */
export interface Freshness {
  live: boolean;
  /** Why it is not live, or "Live". */
  word: string;
  /** How old the newest live thing is, ms: a bin, a bin that was in time, or a valid book. Null before the first. */
  ageMs: number | null;
  /** By how much bins are late, ms; null when none is due. */
  latenessMs: number | null;
}

/** Lateness that is not shown as stale, in bins and in ms: below that a picture is not even drawn in time. */
const ALLOWED = { bins: 2, ms: 200 };

/** Lateness up to which bins that come every so many ms count as live, ms. */
export function allowedLateness(periodMs: number): number {
  return Math.max(ALLOWED.bins * periodMs, ALLOWED.ms);
}

/**
 * The freshness at a time of the page's clock.
 *
 * @param valid whether the newest bin has a valid book; null before the first bin.
 */
export function freshnessAt(
  session: SessionState,
  pace: Pace | null,
  valid: boolean | null,
  nowMs: number,
): Freshness {
  const due = session.phase === 'streaming' && !session.paused && pace !== null;
  const latenessMs = due ? latenessAt(pace, nowMs) : null;
  const word = wordFor(session, latenessMs, pace, valid);
  return {
    live: word === 'Live',
    word,
    ageMs: ageOf(session, word, latenessMs, nowMs),
    latenessMs,
  };
}

function ageOf(
  { lastBinAtMs, lastValidAtMs }: SessionState,
  word: string,
  latenessMs: number | null,
  nowMs: number,
): number | null {
  if (word === 'Late') return latenessMs;
  const sinceMs = word === 'Book not valid' ? lastValidAtMs : lastBinAtMs;
  return sinceMs === null ? null : Math.max(nowMs - sinceMs, 0);
}

function wordFor(
  { phase, paused }: SessionState,
  latenessMs: number | null,
  pace: Pace | null,
  valid: boolean | null,
): string {
  if (phase === 'refused') return 'Refused';
  if (phase === 'ended') return 'Ended';
  if (phase === 'waiting') return 'Waiting';
  if (phase !== 'streaming') return 'Not connected';
  if (paused) return 'Paused';
  const allowed = allowedLateness(pace?.periodMs ?? 0);
  if (latenessMs !== null && latenessMs > allowed) return 'Late';
  return valid === false ? 'Book not valid' : 'Live';
}

/** A length of time in words as short as they get: "240 ms", "3.2 s", "45 s", "12 min", "3 h". */
export function formatAge(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
