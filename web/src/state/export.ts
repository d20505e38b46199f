import type { Frame } from './frame';
import type { History } from './history';
import { PRICE_SCALE } from './price';

/** What is written of a bin, by the name at the head of the column. */
const COLUMNS: readonly (readonly [string, (frame: Frame) => string | number | boolean])[] = [
  // Of several bins as one: the last one's number, and how many they are.
  ['bin_seq', ({ update }) => update.bin_seq],
  ['bin_start_utc', ({ startMs }) => new Date(startMs).toISOString()],
  ['book_valid', ({ valid }) => valid],
  ['best_bid', ({ update }) => decimal(update.best_bid_price_int)],
  ['best_bid_size', ({ update }) => update.best_bid_size],
  ['best_ask', ({ update }) => decimal(update.best_ask_price_int)],
  ['best_ask_size', ({ update }) => update.best_ask_size],
  ['trade_count', ({ update }) => update.trade_count],
  ['buy_volume', ({ update }) => update.buy_volume],
  ['sell_volume', ({ update }) => update.sell_volume],
  ['cum_buy_volume', ({ update }) => update.cum_buy_volume],
  ['cum_sell_volume', ({ update }) => update.cum_sell_volume],
  ['vwap', ({ update }) => decimal(update.vwap_price_int)],
  ['signal', ({ update }) => quoted(update.signal.name)],
  ['signal_value', ({ update }) => update.signal.value ?? ''],
  ['signal_state', ({ update }) => update.signal.state ?? ''],
  ['signal_ready', ({ update }) => update.signal.ready],
  ['bins', ({ update }) => update.every ?? 1],
];

/** The bins, or columns of several, from `from` to `to` that are kept, a line each under a line of names; what is not known is empty. */
export function csvOf(history: History, from: number, to: number): string {
  const lines = [COLUMNS.map(([name]) => name).join(',')];
  for (let seq = Math.max(from, history.tail); seq <= Math.min(to, history.head); seq += 1) {
    const frame = history.at(seq);
    if (frame !== undefined) lines.push(COLUMNS.map(([, read]) => read(frame)).join(','));
  }
  return `${lines.join('\n')}\n`;
}

/** A price in full, without separators; empty for none. */
function decimal(priceInt: string): string {
  const price = BigInt(priceInt);
  if (price === 0n) return '';
  const magnitude = price < 0n ? -price : price;
  const fraction = (magnitude % PRICE_SCALE).toString().padStart(9, '0').replace(/0+$/, '');
  const text = `${magnitude / PRICE_SCALE}${fraction === '' ? '' : `.${fraction}`}`;
  return price < 0n ? `-${text}` : text;
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
