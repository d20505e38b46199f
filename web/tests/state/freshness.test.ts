import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatAge, freshnessAt } from '../../src/state/freshness';
import { latenessAt, observeBin, startPace, type Pace } from '../../src/state/pace';
import { INITIAL_SESSION, type SessionState } from '../../src/state/session';

const BIN_MS = 100;

/** The pace after bins that came at these times. */
function paceOf(timesMs: readonly number[], from: Pace | null = null): Pace {
  let pace = from;
  timesMs.forEach((atMs, index) => {
    const seq = (from?.lastSeq ?? -1) + 1 + index;
    pace = observeBin(pace, seq, 0, atMs, BIN_MS);
  });
  if (pace === null) throw new Error('no bin came');
  return pace;
}

const every = (ms: number, count: number, fromMs = 0): number[] =>
  Array.from({ length: count }, (_unused, index) => fromMs + index * ms);

describe('pace', () => {
  it('finds bins that come in time not late, whatever small jitter they have', () => {
    const jitter = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), {
      minLength: 5,
      maxLength: 200,
    });
    fc.assert(
      fc.property(jitter, (delays) => {
        const pace = paceOf(delays.map((delay, seq) => 1000 + seq * BIN_MS + delay));
        expect(latenessAt(pace, pace.lastAtMs)).toBeLessThanOrEqual(20);
        expect(pace.periodMs).toBe(BIN_MS);
      }),
    );
  });

  it('adds up the lateness of a link that is too slow', () => {
    const pace = paceOf(every(BIN_MS * 1.5, 41));
    expect(latenessAt(pace, pace.lastAtMs)).toBeGreaterThan(1950);
  });

  it('calls a silence late from the time on at which a bin was due', () => {
    const pace = paceOf(every(BIN_MS, 20));
    expect(latenessAt(pace, 1900 + BIN_MS)).toBeLessThan(1);
    expect(latenessAt(pace, 1900 + 700)).toBeCloseTo(600, 0);
  });

  it('is in time again once the late bins have come', () => {
    const before = paceOf(every(BIN_MS, 20));
    const burst = paceOf(every(1, 10, 2900), before);
    expect(latenessAt(burst, 2910)).toBeLessThan(20);
    expect(burst.periodMs).toBe(BIN_MS);
  });

  it('finds the speed of a faster replay, and then its lateness', () => {
    const fast = paceOf(every(20, 400));
    expect(fast.periodMs).toBe(20);
    const slowed = paceOf(every(25, 100, fast.lastAtMs + 25), fast);
    expect(latenessAt(slowed, slowed.lastAtMs)).toBeGreaterThan(450);
  });

  it('begins anew at another bin', () => {
    const pace = observeBin(paceOf(every(BIN_MS, 20)), 5000, 0, 9000, BIN_MS);
    expect(pace).toEqual(startPace(BIN_MS, 5000, 9000));
    expect(observeBin(pace, 5003, 2, 9300, BIN_MS).baseMs).toBeCloseTo(pace.baseMs, 0);
  });
});

describe('freshnessAt', () => {
  const pace = paceOf(every(BIN_MS, 20));
  const streaming: SessionState = {
    ...INITIAL_SESSION,
    phase: 'streaming',
    lastBinAtMs: 1900,
    lastValidAtMs: 1500,
  };

  it('is live only while bins come in time, and are to come', () => {
    expect(freshnessAt(streaming, pace, true, 1950)).toMatchObject({ live: true, word: 'Live' });
    expect(freshnessAt(streaming, pace, true, 2201)).toMatchObject({ live: false, word: 'Late' });
    expect(freshnessAt({ ...streaming, paused: true }, pace, true, 1950).word).toBe('Paused');
    expect(freshnessAt({ ...streaming, phase: 'ended' }, pace, true, 1950).word).toBe('Ended');
    for (const phase of ['connecting', 'retrying', 'choosing'] as const) {
      const lost = freshnessAt({ ...streaming, phase }, pace, true, 2900);
      expect(lost).toEqual({ live: false, word: 'Not connected', ageMs: 1000, latenessMs: null });
    }
  });

  it('counts an invalid book from its last valid one', () => {
    const seen = freshnessAt(streaming, pace, false, 1950);
    expect(seen).toMatchObject({ live: false, word: 'Book not valid', ageMs: 450 });
  });

  it('has no age before the first bin', () => {
    expect(freshnessAt(INITIAL_SESSION, null, null, 5).ageMs).toBeNull();
  });
});

describe('formatAge', () => {
  it.each([
    [240.4, '240 ms'],
    [3290, '3.2 s'],
    [45_900, '45 s'],
    [720_000, '12 min'],
    [10_800_000, '3 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });
});
