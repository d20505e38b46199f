/**
 * How late bins come, judged by their own rhythm: a server sends bin after bin by a schedule that does not drift, so
 * the earliest arrival against that schedule says when each later bin was due.
 *
 * The server does not say at which speed it replays. The page takes it for the market's own speed until bins come
 * faster, steadily; a replay that is slower than its market therefore counts as late.
 */
export interface Pace {
  /** Time from one bin to the next by the schedule, ms. */
  periodMs: number;
  /** When bin 0 would have come by the schedule, ms of the page's clock. */
  baseMs: number;
  lastSeq: number;
  lastAtMs: number;
  /** Where the measuring of the period began. */
  window: { seq: number; atMs: number };
  /** Period of the stretch before, when it was shorter than {@link periodMs}. */
  candidateMs: number | null;
}

const WINDOW_MS = 1500;
const WINDOW_BINS = 15;
/** Two stretches with periods as near as this are one rhythm. */
const ALIKE = 0.04;
/** Share by which clocks of two machines may drift apart. */
const DRIFT = 2e-4;

/** The pace before or after a break: nothing is known but the period. */
export function startPace(periodMs: number, seq: number, nowMs: number): Pace {
  return {
    periodMs,
    baseMs: nowMs - seq * periodMs,
    lastSeq: seq,
    lastAtMs: nowMs,
    window: { seq, atMs: nowMs },
    candidateMs: null,
  };
}

/**
 * The pace after bin `seq` came; `skipped` bins before it were left out by the server.
 *
 * @param binMs length of a bin in market time.
 */
export function observeBin(
  pace: Pace | null,
  seq: number,
  skipped: number,
  nowMs: number,
  binMs: number,
): Pace {
  if (pace === null) return startPace(binMs, seq, nowMs);
  // After a seek the schedule begins anew.
  if (seq !== pace.lastSeq + 1 + skipped) return startPace(pace.periodMs, seq, nowMs);
  const creep = (nowMs - pace.lastAtMs) * DRIFT;
  const offset = nowMs - seq * pace.periodMs;
  const baseMs = Math.min(pace.baseMs + creep, offset);
  const next = { ...pace, baseMs, lastSeq: seq, lastAtMs: nowMs };
  // Late bins are sent at once: a stretch in which it catches up says nothing of the speed.
  if (offset - baseMs > pace.periodMs) {
    return { ...next, window: { seq, atMs: nowMs }, candidateMs: null };
  }
  return remeasured(next, binMs);
}

function remeasured(pace: Pace, binMs: number): Pace {
  const { window, lastSeq: seq, lastAtMs: atMs } = pace;
  const [elapsed, bins] = [atMs - window.atMs, seq - window.seq];
  if (elapsed < WINDOW_MS || bins < WINDOW_BINS) return pace;
  const measured = elapsed / bins;
  const begun = { ...pace, window: { seq, atMs } };
  if (measured > pace.periodMs * (1 - ALIKE)) return { ...begun, candidateMs: null };
  const before = pace.candidateMs;
  if (before === null || Math.abs(measured / before - 1) > ALIKE) {
    return { ...begun, candidateMs: measured };
  }
  const speed = binMs / measured;
  const whole = Math.max(Math.round(speed), 1);
  const exact = Math.abs(speed / whole - 1) < ALIKE ? whole : speed;
  return startPace(binMs / exact, seq, atMs);
}

/** By how much the newest bin came late, or the next one is overdue, in ms (>= 0). */
export function latenessAt(pace: Pace, nowMs: number): number {
  const came = pace.lastAtMs - pace.lastSeq * pace.periodMs - pace.baseMs;
  const overdue = nowMs - pace.baseMs - (pace.lastSeq + 1) * pace.periodMs;
  return Math.max(came, overdue, 0);
}
