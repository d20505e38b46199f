import type { Mark as WireMark } from '../../wire/generated/contract';
import { MARK_KINDS, MARK_SIDES } from '../../wire/generated/facts';
import { count } from '../format';
import type { History } from '../history';
import { PRICE_SCALE, type PriceGrid } from '../price';
import { seqAt, visibleColumns, xOf, yOf, type Viewport } from '../viewport';

export type MarkKind = (typeof MARK_KINDS)[number];

/** Something that only order-level data show. */
export interface MarkFacts {
  kind: MarkKind;
  side: (typeof MARK_SIDES)[number];
  size: number;
  /** What an iceberg has shown so far, prices of a sweep, 1 for a resting order, ticks of a pull from the touch. */
  detail: number;
}

/** A mark of a bin, as the map shows it. */
export interface Mark extends MarkFacts {
  /** Where, in cells from the grid's base. */
  cell: number;
}

/** A mark of many bins, as the overview of a session shows it. */
export interface PricedMark extends MarkFacts {
  /** In the quote currency. */
  price: number;
}

/** A mark with the bin it is of. */
export interface MarkRow {
  seq: number;
  startMs: number;
  mark: Mark;
}

const NO_MARKS: readonly Mark[] = [];
/** Bins that are looked through at most for a list. */
const LOOK_BACK = 3000;
/** Bins on each side of the pointer that are looked at, however narrow they are. */
const MOST_REACH = 40;

/** The marks that a server sent; kinds that are not known here are left out. */
export function marksFrom(sent: readonly WireMark[] | undefined, grid: PriceGrid): readonly Mark[] {
  if (sent === undefined || sent.length === 0) return NO_MARKS;
  return known(sent, (priceInt) => ({ cell: grid.toCells(priceInt) }));
}

/** As {@link marksFrom}, where there is no grid of cells. */
export function pricedMarks(sent: readonly WireMark[] | undefined): readonly PricedMark[] {
  return known(sent ?? [], (priceInt) => ({ price: Number(priceInt) / Number(PRICE_SCALE) }));
}

function known<Place>(
  sent: readonly WireMark[],
  placeOf: (priceInt: bigint) => Place,
): (MarkFacts & Place)[] {
  return sent.flatMap(({ kind, side, price_int, size, detail }) => {
    const one = MARK_KINDS.find((name) => name === kind);
    if (one === undefined) return [];
    const whose = MARK_SIDES.find((name) => name === side) ?? 'none';
    return [{ kind: one, side: whose, size, detail, ...placeOf(BigInt(price_int)) }];
  });
}

/** What happened, in words. */
export function markText({ kind, side, size, detail }: MarkFacts): string {
  const order = side === 'buy' ? 'bid' : 'ask';
  const done = side === 'none' ? 'traded in an auction' : side === 'buy' ? 'bought' : 'sold';
  switch (kind) {
    case 'iceberg':
      return `Iceberg ${order} refreshed: ${count(size)} now, ${count(detail)} shown so far`;
    case 'sweep':
      return `Sweep: ${count(size)} ${done} at ${detail} prices in one event`;
    case 'large':
      return detail === 1
        ? `Large ${order}: ${count(size)} rests`
        : `Large trade: ${count(size)} ${done}`;
    case 'pull': {
      const where =
        detail === 0 ? 'at the best price' : `${detail} ${detail === 1 ? 'tick' : 'ticks'} away`;
      return `Large ${order} pulled: ${count(size)}, ${where}`;
    }
  }
}

/** The newest marks up to a bin, newest first, at most `most` of them. */
export function newestMarks(history: History, upTo: number, most: number): MarkRow[] {
  const rows: MarkRow[] = [];
  const newest = Math.min(upTo, history.head);
  for (let seq = newest; seq >= history.tail && seq > newest - LOOK_BACK; seq -= 1) {
    const frame = history.at(seq);
    for (const mark of frame?.marks ?? NO_MARKS) {
      if (frame === undefined) continue;
      rows.push({ seq, startMs: frame.startMs, mark });
      if (rows.length === most) return rows;
    }
  }
  return rows;
}

/** The marks within `reach` device px of a point of the map, nearest first. */
export function marksNear(
  history: History,
  view: Viewport,
  x: number,
  y: number,
  reach: number,
): readonly Mark[] {
  const at = Math.floor(seqAt(view, x));
  const bins = Math.min(Math.ceil(reach / view.columnPx) + 1, MOST_REACH);
  const { from, to } = visibleColumns(view);
  const found: { mark: Mark; away: number }[] = [];
  for (let seq = Math.max(at - bins, from); seq <= Math.min(at + bins, to); seq += 1) {
    for (const mark of history.at(seq)?.marks ?? NO_MARKS) {
      const away = Math.hypot(xOf(view, seq + 0.5) - x, yOf(view, mark.cell) - y);
      if (away <= reach) found.push({ mark, away });
    }
  }
  return found.sort((a, b) => a.away - b.away).map(({ mark }) => mark);
}
