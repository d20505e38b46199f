import { describe, expect, it } from 'vitest';

import { makeFrame } from '../../src/state/frame';
import { GRID, LAYOUT, marketBins, pack } from '../support/bins';

const BINS = marketBins(200).filter(({ update }) => update.trade_count > 0);

describe('makeFrame', () => {
  it('has the trades of each price, split by who took them', () => {
    for (const bin of BINS) {
      const { prints, anchor } = makeFrame(bin.update, pack(bin), GRID, LAYOUT.columns);
      const expected = [...(bin.columns.k ?? [])].flatMap((k, row) => {
        const buy = bin.columns.buy_volume?.[row] ?? 0;
        const sell = bin.columns.sell_volume?.[row] ?? 0;
        return buy + sell > 0 ? [{ cell: anchor + k, buy, sell }] : [];
      });
      expect(prints).toEqual(expected);
      expect(prints).toHaveLength(1);
    }
  });

  it('has them at the last price when the server does not say more', () => {
    const [bin] = BINS;
    if (bin === undefined) throw new Error('a bin with trades is needed');
    const frame = makeFrame(bin.update, pack(bin), GRID);
    const { buy_volume: buy, sell_volume: sell } = bin.update;
    expect(frame.prints).toEqual([{ cell: frame.trade, buy, sell }]);
  });

  it('has no mean price where nothing was traded', () => {
    const [bin] = BINS;
    if (bin === undefined) throw new Error('a bin with trades is needed');
    const none = { ...bin.update, vwap_price_int: '0', cum_buy_volume: 7, cum_sell_volume: 9 };
    const { vwap, delta } = makeFrame(none, pack(bin), GRID, LAYOUT.columns);
    expect([vwap, delta]).toEqual([NaN, -2]);
  });
});
