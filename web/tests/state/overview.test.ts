import { describe, expect, it } from 'vitest';

import { Overview } from '../../src/state/overview';
import type { GridUpdate } from '../../src/wire/types';
import { marketBins } from '../support/bins';

function stretch(last: number, changes: Partial<GridUpdate>): GridUpdate {
  const [bin] = marketBins(1);
  if (bin === undefined) throw new Error('the market gave no bin');
  return { ...bin.update, bin_seq: last, every: 225, ...changes };
}

describe('an overview', () => {
  it('keeps price, volumes and marks of each stretch, in its place', () => {
    const overview = new Overview(36_000);
    expect([overview.every, overview.columns.length]).toEqual([225, 160]);
    const mark = { kind: 'large', side: 'sell', size: 120, detail: 1, price_int: '5978250000000' };
    const marks = [mark, { ...mark, kind: 'spoof' }];
    const sums = { mid_price: 5978.5, buy_volume: 7, sell_volume: 9, marks };
    const prints = [{ cell: 3, buy: 7, sell: 9 }];
    overview.add(stretch(449, sums), prints);
    const wanted = {
      mid: 5978.5,
      buyVolume: 7,
      sellVolume: 9,
      marks: [{ kind: 'large', side: 'sell', size: 120, detail: 1, price: 5978.25 }],
      prints,
    };
    expect(overview.at(225)).toEqual({ column: wanted, from: 225, to: 449 });
    expect(overview.at(449)).toEqual(overview.at(225));
    expect([overview.at(224), overview.at(450), overview.at(99_999)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('has no marks of a server that sends none, and no price of a book that is not valid', () => {
    const overview = new Overview(36_000);
    const old = stretch(224, { book_valid: false });
    delete old.marks;
    overview.add(old);
    expect(overview.at(0)?.column).toMatchObject({ mid: 0, marks: [] });
  });

  it('asks again for a column that was not over when it came', () => {
    const overview = new Overview(36_000);
    overview.add(stretch(224, {}), []);
    overview.add(stretch(300, { every: 76 }));
    expect(overview.next(440, 0)).toMatchObject({ from: 450 });
    expect(overview.next(460, 1000)).toEqual({ from: 0, to: 449, every: 225 });
  });
});
