import type { ClientMessage } from '../../wire/types';
import { LookBack, missing, type Asked, type Kept, type Stretch } from '../lookback';
import type { Columns } from '../zoom/columns';
import type { Stream } from './stream';

/** What is asked of the server beside the bins that it sends by itself: where to go on, and older bins. */
export class Requests {
  /** The bin that a seek leads to, until it comes. */
  private expected: number | null = null;
  /** What takes over the bins that were asked for and came before the one that is expected. */
  private early: (() => void)[] = [];
  /** The bins that were asked for last, until the answer is over. */
  asked: Asked | null = null;
  /** Whether the last request was for the overview. */
  private asksOverview = false;
  private readonly lookBack = new LookBack();

  /** There is nobody to answer any more; a seek still holds. */
  reset(): void {
    this.lookBack.reset();
    this.asked = null;
  }

  /** Nothing is expected of the stream that was left. */
  forget(): void {
    this.reset();
    this.refuseSeek();
  }

  /** The message that moves the replay. */
  seek(bin: number): ClientMessage {
    this.expected = bin;
    this.early = [];
    return { type: 'seek', bin_seq: bin };
  }

  refuseSeek(): void {
    this.expected = null;
    this.early = [];
  }

  /**
   * A bin came that was not asked for; returns whether a seek led to it.
   *
   * @param jump is called before what was kept for that bin is taken over.
   */
  arrived(jump: () => void): boolean {
    const led = this.expected !== null;
    this.expected = null;
    if (led) jump();
    for (const take of this.early) take();
    this.early = [];
    return led;
  }

  /** Something came that was asked for: it is taken over, or as soon as the seek has led there. */
  fill(take: () => void): void {
    if (this.expected === null) take();
    else this.early.push(take);
  }

  /** Something of an answer came. */
  answered(nowMs: number): void {
    this.lookBack.arrived(nowMs);
  }

  /** An answer is over: `end` says what it held, null that it was refused. */
  ended(
    end: { from: number; every: number; bins: number } | null,
    stream: Stream | null,
    nowMs: number,
  ): void {
    const { asked } = this;
    // The server had already answered the request before, whose place the last one took.
    if (end !== null && asked !== null && (end.from !== asked.from || end.every !== asked.every))
      return;
    this.lookBack.ended(end?.bins ?? 0, nowMs);
    if (this.asksOverview) stream?.overview.ended(end?.bins ?? 0, nowMs);
    this.asksOverview = false;
    this.asked = null;
  }

  /**
   * Asks for what is visible and not kept, then for what is further back, then for the overview; null when there is
   * nothing to ask for now.
   *
   * @param columns what the map shows, null for the bins of the stream. @param visible numbers of what is in view.
   */
  next(
    stream: Stream,
    columns: Columns | null,
    visible: Stretch,
    nowMs: number,
  ): ClientMessage | null {
    if (this.expected !== null) return null;
    const { head } = stream.history;
    const every = columns?.every ?? 1;
    const kept: Kept = columns?.kept(head, nowMs) ?? stream.history;
    let wanted = this.lookBack.next(kept, visible, nowMs, every);
    if (wanted === null && !this.lookBack.isIdle(nowMs)) return null;
    if (every > 1) wanted ??= this.lookBack.next(kept, before(visible), nowMs, every);
    if (wanted !== null) {
      columns?.ask(wanted.to, nowMs);
      return this.ask(wanted, every, head);
    }
    const overview = stream.overview.next(head, nowMs);
    if (overview === null) return null;
    this.lookBack.begin(overview, nowMs, { aside: true });
    this.asksOverview = true;
    this.asked = overview;
    return { type: 'history', ...overview };
  }

  /**
   * Asks for what will be in view once the bin of the last seek has come.
   *
   * @param columns what the map shows, null for the bins of the stream. @param count how many are in view.
   */
  ahead(
    { history }: Stream,
    columns: Columns | null,
    count: number,
    nowMs: number,
  ): ClientMessage | null {
    const { expected } = this;
    if (expected === null) return null;
    if (columns !== null) {
      const to = columns.columnOf(expected);
      const stretch = missing(columns.kept(expected, nowMs), { from: to - count + 1, to });
      if (stretch === null) return null;
      this.lookBack.begin(stretch, nowMs, columns);
      return this.ask(stretch, columns.every, expected);
    }
    const stretch = { from: Math.max(expected + 1 - count, 0), to: expected - 1 };
    const kept = history.at(stretch.from) !== undefined && history.at(stretch.to) !== undefined;
    if (stretch.to < stretch.from || kept) return null;
    this.lookBack.begin(stretch, nowMs);
    return this.ask(stretch, 1, expected);
  }

  /** The message that asks for columns, as far as their bins are not behind `head`. */
  private ask({ from, to }: Stretch, every: number, head: number): ClientMessage {
    this.asksOverview = false;
    this.asked = { from: from * every, to: Math.min((to + 1) * every - 1, head), every };
    if (every > 1) return { type: 'history', ...this.asked };
    return { type: 'history', from, to };
  }
}

/** As much as is in view, before it. */
function before({ from, to }: Stretch): Stretch {
  return { from: 2 * from - to - 1, to: from - 1 };
}
