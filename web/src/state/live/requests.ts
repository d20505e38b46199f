import type { ClientMessage } from '../../wire/types';
import type { Frame } from '../frame';
import type { History } from '../history';
import { LookBack, type Stretch } from '../lookback';
import type { Stream } from './stream';

/** What is asked of the server beside the bins that it sends by itself: where to go on, and older bins. */
export class Requests {
  /** The bin that a seek leads to, until it comes. */
  private expected: number | null = null;
  /** Bins that were asked for and came before the one that is expected. */
  private early: Frame[] = [];
  /** Whether the last request was for the overview. */
  private asksOverview = false;
  private readonly lookBack = new LookBack();

  /** There is nobody to answer any more; a seek still holds. */
  reset(): void {
    this.lookBack.reset();
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

  /** A bin came that was not asked for; returns whether a seek led to it. */
  arrived(history: History): boolean {
    const led = this.expected !== null;
    this.expected = null;
    for (const older of this.early) history.fill(older);
    this.early = [];
    return led;
  }

  /** A bin came that was asked for: it is put into its place, or kept until the seek has led there. */
  fill(frame: Frame, history: History): void {
    if (this.expected === null) history.fill(frame);
    else this.early.push(frame);
  }

  /** Something of an answer came. */
  answered(nowMs: number): void {
    this.lookBack.arrived(nowMs);
  }

  /** An answer is over: `end` says what it held, null that it was refused. */
  ended(end: { every: number; bins: number } | null, stream: Stream | null, nowMs: number): void {
    const overview = end === null ? this.asksOverview : end.every > 1;
    this.lookBack.ended(end?.bins ?? 0, nowMs);
    if (overview) stream?.overview.ended(end?.bins ?? 0, nowMs);
    this.asksOverview = false;
  }

  /** Asks for what is visible and not kept, then for the overview; null when there is nothing to ask for now. */
  next(stream: Stream, visible: Stretch, nowMs: number): ClientMessage | null {
    if (this.expected !== null) return null;
    const wanted = asMessage(this.lookBack.next(stream.history, visible, nowMs));
    if (wanted !== null) this.asksOverview = false;
    if (wanted !== null || !this.lookBack.isIdle(nowMs)) return wanted;
    const overview = stream.overview.next(stream.history.head, nowMs);
    if (overview === null) return null;
    this.lookBack.begin(overview, nowMs, { aside: true });
    this.asksOverview = true;
    return { type: 'history', ...overview };
  }

  /** Asks for the `columns` that will be in view once the bin of the last seek has come. */
  ahead({ history }: Stream, columns: number, nowMs: number): ClientMessage | null {
    const { expected } = this;
    if (expected === null) return null;
    const stretch = { from: Math.max(expected + 1 - columns, 0), to: expected - 1 };
    const kept = history.at(stretch.from) !== undefined && history.at(stretch.to) !== undefined;
    if (stretch.to < stretch.from || kept) return null;
    this.lookBack.begin(stretch, nowMs);
    this.asksOverview = false;
    return asMessage(stretch);
  }
}

function asMessage(stretch: Stretch | null): ClientMessage | null {
  return stretch && { type: 'history', ...stretch };
}
