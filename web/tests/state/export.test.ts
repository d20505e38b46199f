import { describe, expect, it } from 'vitest';

import { csvOf } from '../../src/state/export';
import { History } from '../../src/state/history';
import { frameWith } from '../support/bins';

describe('csvOf', () => {
  const history = new History(10);
  history.push(frameWith({ bin_seq: 3, best_bid_price_int: '5978250000000', vwap_price_int: '0' }));
  history.push(frameWith({ bin_seq: 4, best_ask_price_int: '-37000000001', buy_volume: 12 }));
  history.push(frameWith({ bin_seq: 6 }));

  it('has a line for each bin that is kept, exact prices, and nothing where nothing is known', () => {
    const [head = '', ...lines] = csvOf(history, 0, 5).trimEnd().split('\n');
    const names = head.split(',');
    const field = (line: number, name: string): string | undefined =>
      lines[line]?.split(',')[names.indexOf(name)];
    expect(lines).toHaveLength(2);
    expect([field(0, 'bin_seq'), field(1, 'bin_seq')]).toEqual(['3', '4']);
    expect([field(0, 'best_bid'), field(0, 'vwap')]).toEqual(['5978.25', '']);
    expect([field(1, 'best_ask'), field(1, 'buy_volume')]).toEqual(['-37.000000001', '12']);
    expect(field(0, 'bin_start_utc')).toBe('2026-02-06T14:29:00.000Z');
    expect([field(0, 'bins'), field(1, 'bins')]).toEqual(['1', '1']);
    expect(lines.every((line) => line.split(',').length === names.length)).toBe(true);
  });

  it('has for several bins as one the number of the last, and how many they are', () => {
    const columns = new History(10);
    columns.push({ ...frameWith({ bin_seq: 39, every: 10 }), seq: 3 });
    const [head = '', line = ''] = csvOf(columns, 0, 5).trimEnd().split('\n');
    expect([head.split(',').at(-1), line.split(',').at(-1)]).toEqual(['bins', '10']);
    expect(line.split(',')[0]).toBe('39');
  });
});
