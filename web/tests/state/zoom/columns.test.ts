import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { makeFrame, type Frame } from '../../../src/state/frame';
import { History } from '../../../src/state/history';
import { missing } from '../../../src/state/lookback';
import { Columns } from '../../../src/state/zoom/columns';
import { GRID, LAYOUT, marketBins, pack } from '../../support/bins';
import { asOne, type WholeBin } from '../../support/columns';
import { RADIUS } from '../../support/market';

const EVERY = 10;
const BINS = marketBins(400);
const MAKING = { columns: LAYOUT.columns, rows: 2 * RADIUS + 1, grid: GRID };
const ALL = { from: 0, to: 1000 };

function binAt(seq: number): WholeBin {
  const bin = BINS[seq];
  if (bin === undefined) throw new RangeError(`there is no bin ${seq}`);
  return bin;
}

/** Frames are made once: they are only read. */
const FRAMES = BINS.map((bin) => makeFrame(bin.update, pack(bin), GRID, LAYOUT.columns));

function frameAt(seq: number): Frame {
  const frame = FRAMES[seq];
  if (frame === undefined) throw new RangeError(`there is no bin ${seq}`);
  return frame;
}

/** What the server makes of the bins from `first` to `last`. */
function sent(first: number, last: number): WholeBin {
  const bins = Array.from({ length: last - first + 1 }, (_unused, index) => binAt(first + index));
  return asOne(bins, GRID.cellInt);
}

function putInto(
  columns: Columns,
  [first, last]: readonly [number, number],
  head: number,
  asked: number | null = null,
): boolean {
  const { update, columns: cells } = sent(first, last);
  return columns.put(update, pack({ update, columns: { ...cells } }), head, asked);
}

/** First and last bin of each column that is kept. */
function kept({ history }: Columns): [number, number][] {
  const found: [number, number][] = [];
  for (let index = Math.max(history.tail, 0); index <= history.head; index += 1) {
    const { bin_seq: last = 0, every = 1 } = history.at(index)?.update ?? {};
    if (history.at(index) !== undefined) found.push([last - every + 1, last]);
  }
  return found;
}

function streamOf(seqs: readonly number[], capacity = 200): History {
  const bins = new History(capacity);
  for (const seq of seqs) bins.push(frameAt(seq));
  return bins;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_unused, index) => from + index);
}

describe('Columns', () => {
  it('has of the bins that are there each whole column, and the one that grows', () => {
    const columns = new Columns(EVERY, 64, MAKING);
    columns.follow(streamOf(range(7, 43)), ALL);
    expect(kept(columns)).toEqual([
      [10, 19],
      [20, 29],
      [30, 39],
      [40, 43],
    ]);
    const frame = columns.history.at(3);
    expect(frame?.seq).toBe(3);
    expect(frame?.startMs).toBe(frameAt(30).startMs);
    expect(frame?.endMs).toBe(frameAt(39).endMs);
  });

  it('asks for what it has not: a column without its first bins, one with a hole, one further back', () => {
    const columns = new Columns(EVERY, 64, MAKING);
    const seqs = [...range(25, 33), ...range(36, 52)];
    columns.follow(streamOf(seqs), ALL);
    expect(kept(columns)).toEqual([
      [40, 49],
      [50, 52],
    ]);
    expect(missing(columns.kept(52, 0), { from: 0, to: 9 })).toEqual({ from: 0, to: 3 });
    for (const first of [30, 20, 10, 0]) putInto(columns, [first, first + 9], 52);
    expect(missing(columns.kept(52, 0), { from: 0, to: 9 })).toBeNull();
  });

  it('takes no column of another level, of the time to come, or that begins elsewhere', () => {
    const columns = new Columns(EVERY, 64, MAKING);
    columns.follow(streamOf([52]), ALL);
    expect(putInto(columns, [20, 39], 52)).toBe(false);
    expect(putInto(columns, [25, 34], 52)).toBe(false);
    expect(putInto(columns, [20, 24], 52)).toBe(false);
    expect(putInto(columns, [60, 69], 52)).toBe(false);
    expect(putInto(columns, [50, 52], 52, 49)).toBe(false);
    expect(columns.history.empty).toBe(true);
    expect(putInto(columns, [50, 52], 52, 52)).toBe(true);
    expect(putInto(columns, [30, 39], 52)).toBe(true);
    expect(putInto(columns, [30, 39], 52)).toBe(false);
  });

  it('asks again for a column that grows and cannot be made here, now and then', () => {
    const columns = new Columns(EVERY, 64, MAKING);
    const bins = streamOf([52]);
    columns.follow(bins, ALL);
    columns.ask(5, 0);
    putInto(columns, [50, 52], 52, 52);
    bins.push(frameAt(53));
    columns.follow(bins, ALL);
    const wanted = (nowMs: number): unknown => missing(columns.kept(53, nowMs), { from: 5, to: 5 });
    expect([wanted(500), wanted(5000)]).toEqual([null, { from: 5, to: 5 }]);
    putInto(columns, [50, 53], 53, 53);
    expect(wanted(5000)).toBeNull();
  });

  it('goes back with the stream: nothing of it is of later bins', () => {
    const columns = new Columns(EVERY, 64, MAKING);
    const bins = streamOf(range(0, 57));
    columns.follow(bins, ALL);
    bins.push(frameAt(33));
    columns.follow(bins, ALL);
    expect(kept(columns).at(-1)).toEqual([30, 33]);
    bins.push(frameAt(34));
    columns.follow(bins, ALL);
    expect(kept(columns)).toEqual([
      [0, 9],
      [10, 19],
      [20, 29],
      [30, 34],
    ]);
  });

  it('keeps a window of fixed size, around what is looked at, and follows again', () => {
    const columns = new Columns(EVERY, 8, MAKING);
    const bins = streamOf(range(200, 305));
    columns.follow(bins, { from: 24, to: 30 });
    expect([columns.history.tail, columns.history.head]).toEqual([23, 30]);
    const far = { from: 4, to: 7 };
    columns.follow(bins, far);
    expect(missing(columns.kept(305, 0), far)).toEqual(far);
    for (let index = 7; index >= 4; index -= 1)
      putInto(columns, [index * EVERY, index * EVERY + 9], 305);
    expect(missing(columns.kept(305, 0), far)).toBeNull();
    // What comes meanwhile stays out of it.
    bins.push(frameAt(306));
    columns.follow(bins, far);
    expect(columns.history.at(30)).toBeUndefined();
    expect(columns.history.head - columns.history.tail).toBeLessThan(8);
    // A step aside keeps what is kept.
    columns.follow(bins, { from: 3, to: 6 });
    expect(missing(columns.kept(306, 0), { from: 3, to: 6 })).toEqual({ from: 3, to: 3 });
    bins.push(frameAt(307));
    columns.follow(bins, { from: 24, to: 30 });
    expect(kept(columns).at(-1)).toEqual([300, 307]);
  });

  it('has single bins further back than the stream keeps them, and its own where it does', () => {
    const columns = new Columns(1, 50, MAKING);
    const bins = streamOf(range(200, 305), 100);
    const view = { from: 196, to: 225 };
    columns.follow(bins, view);
    expect(columns.history.at(206)).toBe(bins.at(206));
    expect(missing(columns.kept(305, 0), view)).toEqual({ from: 196, to: 205 });
    const { update, columns: cells } = binAt(205);
    const older = { ...update, history: true };
    expect(columns.put(older, pack({ update, columns: { ...cells } }), 305, null)).toBe(true);
    expect(columns.history.at(205)?.seq).toBe(205);
  });

  /** What may happen to a stream: a bin comes, the replay moves, the server answers, the map is drawn. */
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('play' as const), bins: fc.nat(14) }) },
    fc.record({ kind: fc.constant('skip' as const), bins: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constant('seek' as const), bin: fc.nat(390) }),
    fc.record({
      kind: fc.constant('late' as const),
      column: fc.nat(39),
      size: fc.constantFrom(5, 10, 20),
    }),
    fc.record({ kind: fc.constant('draw' as const), from: fc.integer({ min: -5, max: 39 }) }),
  );

  it('never shows a column that the server would make otherwise, and gets all that it asks for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 24 }),
        fc.array(step, { maxLength: 25 }),
        (capacity, steps) => {
          const columns = new Columns(EVERY, capacity, MAKING);
          const bins = new History(60);
          const checked = new WeakSet<Frame>();
          bins.push(frameAt(0));
          const width = Math.min(capacity, 4) - 1;
          const draw = (from: number): void => {
            const visible = { from, to: from + width };
            columns.follow(bins, visible);
            const wanted = missing(columns.kept(bins.head, Infinity), visible);
            if (wanted === null) return;
            const to = Math.min(wanted.to * EVERY + EVERY - 1, bins.head);
            for (let index = wanted.to; index >= wanted.from; index -= 1)
              putInto(
                columns,
                [index * EVERY, Math.min(index * EVERY + EVERY - 1, to)],
                bins.head,
                to,
              );
            expect(missing(columns.kept(bins.head, Infinity), visible)).toBeNull();
          };
          for (const move of steps) {
            if (move.kind === 'play')
              for (let n = 0; n < move.bins && bins.head < 390; n += 1)
                bins.push(frameAt(bins.head + 1));
            else if (move.kind === 'skip') bins.push(frameAt(Math.min(bins.head + move.bins, 390)));
            else if (move.kind === 'seek') bins.push(frameAt(move.bin));
            else if (move.kind === 'late') {
              const first = move.column * EVERY;
              putInto(columns, [first, Math.min(first + move.size - 1, 399)], bins.head, null);
            } else draw(move.from);
            if (move.kind !== 'late') columns.follow(bins, { from: 0, to: width });
            draw(Math.floor(bins.head / EVERY) - width);
            const { history } = columns;
            expect(history.head - history.tail).toBeLessThan(capacity);
            for (const [first, last] of kept(columns)) {
              expect(first % EVERY).toBe(0);
              expect(last).toBeLessThanOrEqual(bins.head);
              const frame = history.at(first / EVERY);
              if (frame === undefined || checked.has(frame)) continue;
              checked.add(frame);
              const { update, columns: cells } = sent(first, last);
              expect(frame.update).toEqual(update);
              const wanted = pack({ update, columns: { ...cells } });
              expect(frame.cells.every((value, at) => value === wanted[at])).toBe(true);
            }
          }
        },
      ),
    );
  });
});
