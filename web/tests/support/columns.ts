import type { Mark } from '../../src/wire/generated/contract';
import type { GridUpdate } from '../../src/wire/types';

/** A bin before it is encoded. */
export interface WholeBin {
  update: GridUpdate;
  columns: Readonly<Record<string, Float64Array>>;
}

const QUOTES = [
  ['bid_high_price_int', 1n],
  ['ask_high_price_int', 1n],
  ['bid_low_price_int', -1n],
  ['ask_low_price_int', -1n],
] as const;
const ORDER = {
  kind: ['iceberg', 'sweep', 'large', 'pull'],
  side: ['buy', 'sell', 'none'],
};

/** Several bins as one, as the server sends them, the slow way: everything is looked at anew. */
export function asOne(bins: readonly WholeBin[], cellInt: bigint): WholeBin {
  const last = bins.at(-1);
  const [first] = bins;
  if (last === undefined || first === undefined) throw new Error('there is no bin');
  const updates = bins.map(({ update }) => update);
  const total = (name: 'bin_event_count' | 'trade_count' | 'buy_volume' | 'sell_volume'): number =>
    updates.reduce((sum, update) => sum + update[name], 0);
  const quoted = updates.filter((update) => QUOTES.some(([name]) => update[name] !== '0'));
  const extremes = QUOTES.map(([name, sign]) => {
    const prices = quoted.map((update) => BigInt(update[name]));
    const [extreme = 0n] = prices.sort((a, b) => Number(sign * (b - a)));
    return [name, String(extreme)];
  });
  const marks = updates.some((update) => update.marks !== undefined)
    ? {
        marks: updates
          .flatMap((update) => update.marks ?? [])
          .sort(byRank)
          .slice(0, 16),
      }
    : {};
  const update = {
    ...last.update,
    bin_start_ns: first.update.bin_start_ns,
    bin_event_count: total('bin_event_count'),
    trade_count: total('trade_count'),
    buy_volume: total('buy_volume'),
    sell_volume: total('sell_volume'),
    ...(Object.fromEntries(extremes) as Partial<GridUpdate>),
    ...marks,
    skipped_bins: 0,
    history: true,
    every: bins.length,
  };
  return { update, columns: { ...last.columns, ...volumesOf(bins, last, cellInt) } };
}

function volumesOf(
  bins: readonly WholeBin[],
  last: WholeBin,
  cellInt: bigint,
): Record<string, Float64Array> {
  const spot = BigInt(last.update.spot_ref_price_int);
  const summed = (name: string): Float64Array => {
    const column = Float64Array.from(last.columns[name] ?? []);
    for (const { update, columns } of bins.slice(0, -1)) {
      if (update.buy_volume + update.sell_volume === 0) continue;
      const away = BigInt(update.spot_ref_price_int) - spot;
      const rest = ((away % cellInt) + cellInt) % cellInt;
      const moved = Number((away - rest) / cellInt);
      (columns[name] ?? new Float64Array()).forEach((volume, row) => {
        const to = row + moved;
        if (to >= 0 && to < column.length) column[to] = (column[to] ?? 0) + volume;
      });
    }
    return column;
  };
  return { buy_volume: summed('buy_volume'), sell_volume: summed('sell_volume') };
}

function byRank(a: Mark, b: Mark): number {
  const key = ({ size, kind, price_int, side, detail }: Mark): number[] => [
    -size,
    ORDER.kind.includes(kind) ? ORDER.kind.indexOf(kind) : 9,
    Number(price_int),
    ORDER.side.includes(side) ? ORDER.side.indexOf(side) : 9,
    detail,
  ];
  const [left, right] = [key(a), key(b)];
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}
