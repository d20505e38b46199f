import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { makeFrame } from '../../src/state/frame';
import { History } from '../../src/state/history';
import { LatenessLog } from '../../src/state/live/lateness';
import {
  OVERLAYS,
  overlaysText,
  parseOverlays,
  USUAL_OVERLAYS,
} from '../../src/state/live/overlays';
import { Profile } from '../../src/state/live/profile';
import { Overview } from '../../src/state/overview';
import { GRID, LAYOUT, marketBins, pack } from '../support/bins';

describe('the log of lateness', () => {
  it('knows the worst of bins that came by themselves, as far back as it reaches', () => {
    const log = new LatenessLog(4);
    expect(log.worst(0, 9)).toBeNaN();
    [5, 90, 0, 30, 20].forEach((ms, seq) => {
      log.put(seq, ms);
    });
    // Bin 0 has given way to bin 4.
    expect([log.worst(0, 0), log.worst(1, 1), log.worst(2, 9), log.worst(0, 4)]).toEqual([
      NaN,
      90,
      30,
      90,
    ]);
    // A bin that was left out did not come late.
    log.put(6, 7);
    expect([log.worst(5, 5), log.worst(6, 6), log.worst(2, 2)]).toEqual([NaN, 7, NaN]);
  });

  it('gives the greatest of those that it has', () => {
    const bins = fc.array(fc.record({ seq: fc.nat(40), ms: fc.nat(999) }), { maxLength: 60 });
    fc.assert(
      fc.property(bins, fc.nat(40), fc.nat(10), (put, from, length) => {
        const log = new LatenessLog(64);
        const kept = new Map<number, number>();
        for (const { seq, ms } of put) {
          log.put(seq, ms);
          kept.set(seq, ms);
        }
        const asked = [...kept].filter(([seq]) => seq >= from && seq <= from + length);
        const worst = asked.length > 0 ? Math.max(...asked.map(([, ms]) => ms)) : NaN;
        expect(log.worst(from, from + length)).toBe(worst);
      }),
    );
  });
});

describe('the profile of a session', () => {
  const frames = marketBins(500).map((bin) =>
    makeFrame(bin.update, pack(bin), GRID, LAYOUT.columns),
  );
  const traded = (to: number, cell: number): { buy: number; sell: number } => {
    const prints = frames.slice(0, to + 1).flatMap(({ prints: of }) => of);
    const at = prints.filter((print) => Math.round(print.cell) === cell);
    return {
      buy: at.reduce((sum, { buy }) => sum + buy, 0),
      sell: at.reduce((sum, { sell }) => sum + sell, 0),
    };
  };
  const cells = [...new Set(frames.flatMap(({ prints }) => prints.map(({ cell }) => cell)))];
  const column = (overview: Overview, index: number): void => {
    const bins = frames.slice(index * overview.every, (index + 1) * overview.every);
    const last = bins.at(-1);
    if (last === undefined) throw new Error(`there is no column ${index}`);
    overview.add(
      { ...last.update, every: bins.length },
      bins.flatMap(({ prints }) => prints),
    );
  };

  it('is what was traded up to a bin, from columns and the bins after them', () => {
    const [overview, history] = [new Overview(36_000), new History(1000)];
    const profile = new Profile(overview, history);
    // All but the first bins are kept, and these are in a column.
    for (const frame of frames.slice(225)) history.push(frame);
    expect(profile.upTo(400)).toBe(false);
    column(overview, 0);
    for (const to of [224, 300, 301, 340, 260, 449, 460]) {
      if (to === 449) column(overview, 1);
      expect(profile.upTo(to)).toBe(true);
      for (const cell of cells) expect(profile.at(cell)).toEqual(traded(to, cell));
    }
  });

  it('says that bins are missing, and counts them once they are there', () => {
    const [overview, history] = [new Overview(36_000), new History(1000)];
    const profile = new Profile(overview, history);
    for (const frame of frames.slice(0, 100)) if (frame.seq !== 50) history.push(frame);
    expect(profile.upTo(99)).toBe(false);
    const [hole] = frames.slice(50, 51);
    if (hole !== undefined) history.fill(hole);
    expect(profile.upTo(99)).toBe(true);
    for (const cell of cells) expect(profile.at(cell)).toEqual(traded(99, cell));
  });
});

describe('overlays', () => {
  it('come back from their text, and are the usual ones without one', () => {
    const shown = fc.record(
      Object.fromEntries(OVERLAYS.map(([id]) => [id, fc.boolean()])) as Record<
        (typeof OVERLAYS)[number][0],
        fc.Arbitrary<boolean>
      >,
    );
    fc.assert(
      fc.property(shown, (overlays) => {
        expect(parseOverlays(overlaysText(overlays))).toEqual(overlays);
      }),
    );
    expect(parseOverlays(null)).toEqual(USUAL_OVERLAYS);
    expect(Object.values(parseOverlays('weather'))).not.toContain(true);
  });
});
