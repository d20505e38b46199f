import { ACK_WINDOW_BINS } from '../../wire/generated/facts';
import type { ClientMessage } from '../../wire/types';

/** So many bins, a quarter of what may be on the way, or the bins of so long, are acknowledged at once: a message a bin would be as dear as drawing it. */
const ACK_BINS = ACK_WINDOW_BINS / 4;
const ACK_MS = 400;
const NOTHING_OWED = { seq: null, bins: 0, atMs: -Infinity } as const;

/** Which bins the server has not been told of. */
export class Acks {
  /** The newest of them, how many there are, and when it was told of others. */
  private owed: { seq: number | null; bins: number; atMs: number } = NOTHING_OWED;

  /** A bin came. */
  owe(seq: number): void {
    this.owed = { ...this.owed, seq, bins: this.owed.bins + 1 };
  }

  /** Nothing of the stream that was left is told of. */
  forget(): void {
    this.owed = NOTHING_OWED;
  }

  /**
   * The message that tells of them, or null when there are none or too few.
   *
   * To be sent after a picture was drawn: the server then sends no more than the page draws, also while the page is
   * hidden and draws nothing.
   */
  take(nowMs: number): ClientMessage | null {
    const { seq, bins, atMs } = this.owed;
    if (seq === null || (bins < ACK_BINS && nowMs - atMs < ACK_MS)) return null;
    this.owed = { seq: null, bins: 0, atMs: nowMs };
    return { type: 'ack', bin_seq: seq };
  }
}
