import { describe, expect, it } from 'vitest';

import { History } from '../../src/state/history';
import { chartLayout } from '../../src/state/layout';
import { markText, marksFrom, marksNear, newestMarks } from '../../src/state/tools/marks';
import { makeViewport, xOf, yOf } from '../../src/state/viewport';
import { frameWith, GRID } from '../support/bins';

const sent = (kind: string, side: string, size: number, detail: number, ticks = 0) => ({
  kind,
  side,
  size,
  detail,
  price_int: String(5_978_250_000_000n + BigInt(ticks) * 250_000_000n),
});

describe('marks', () => {
  it('are read as they are sent, kinds of a later version left out', () => {
    expect(marksFrom(undefined, GRID)).toEqual([]);
    const marks = marksFrom([sent('sweep', 'buy', 61, 3, 2), sent('spoof', 'sell', 9, 0)], GRID);
    expect(marks).toEqual([{ kind: 'sweep', side: 'buy', size: 61, detail: 3, cell: 2 }]);
  });

  it.each([
    [sent('iceberg', 'buy', 12, 60), 'Iceberg bid refreshed: 12 now, 60 shown so far'],
    [sent('sweep', 'sell', 1061, 4), 'Sweep: 1,061 sold at 4 prices in one event'],
    [sent('large', 'buy', 50, 0), 'Large trade: 50 bought'],
    [sent('large', 'none', 50, 0), 'Large trade: 50 traded in an auction'],
    [sent('large', 'sell', 70, 1), 'Large ask: 70 rests'],
    [sent('pull', 'sell', 80, 0), 'Large ask pulled: 80, at the best price'],
    [sent('pull', 'buy', 80, 1), 'Large bid pulled: 80, 1 tick away'],
    [sent('pull', 'buy', 80, 5), 'Large bid pulled: 80, 5 ticks away'],
  ])('say what happened', (mark, words) => {
    expect(marksFrom([mark], GRID).map(markText)).toEqual([words]);
  });

  const history = new History(64);
  for (let seq = 0; seq < 20; seq += 1)
    history.push(
      frameWith({
        bin_seq: seq,
        marks: seq % 5 === 0 ? [sent('large', 'buy', 50 + seq, 1, seq)] : [],
      }),
    );

  it('are listed from a bin back, newest first', () => {
    expect(newestMarks(history, 14, 2).map(({ seq, mark }) => [seq, mark.size])).toEqual([
      [10, 60],
      [5, 55],
    ]);
    expect(newestMarks(history, 99, 9)).toHaveLength(4);
  });

  it('are found near the pointer, the nearest first', () => {
    const layout = chartLayout(900, 600, 1);
    const view = makeViewport(layout, 20, 8, 4, 40);
    const [x, y] = [xOf(view, 10.5), yOf(view, 10)];
    const sizes = (reach: number): number[] =>
      marksNear(history, view, x, y + 1, reach).map(({ size }) => size);
    expect(sizes(8)).toEqual([60]);
    expect(sizes(0.5)).toEqual([]);
    expect(sizes(200)).toEqual([60, 55, 65, 50]);
  });
});
