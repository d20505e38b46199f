import type { History } from '../history';

/** A place on the map. */
export interface Corner {
  /** Bin position, and cell position; the bin position stays the same however time is zoomed. */
  seq: number;
  cell: number;
}

/** What lies between two corners of the map. */
export interface Measured {
  /** First and last column, and lowest and highest cell, all included. */
  from: number;
  to: number;
  low: number;
  high: number;
  /** From the first corner to the second: negative when it lies below, or before. */
  cells: number;
  bins: number;
  /** Traded between them, in lots. */
  buy: number;
  sell: number;
}

/** Measures from one corner to another, in columns of `every` bins. What was traded counts where these are kept. */
export function measure(history: History, start: Corner, end: Corner, every = 1): Measured {
  const [seqA, seqB] = [Math.floor(start.seq / every), Math.floor(end.seq / every)];
  const [cellA, cellB] = [Math.round(start.cell), Math.round(end.cell)];
  const area = {
    from: Math.min(seqA, seqB),
    to: Math.max(seqA, seqB),
    low: Math.min(cellA, cellB),
    high: Math.max(cellA, cellB),
  };
  let [buy, sell] = [0, 0];
  const last = Math.min(area.to, history.head);
  for (let seq = Math.max(area.from, history.tail); seq <= last; seq += 1) {
    for (const print of history.at(seq)?.prints ?? []) {
      if (print.cell < area.low || print.cell > area.high) continue;
      buy += print.buy;
      sell += print.sell;
    }
  }
  return { ...area, cells: cellB - cellA, bins: seqB - seqA, buy, sell };
}
