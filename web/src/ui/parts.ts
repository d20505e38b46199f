/** A part of what is around the charts; it is told when its frame began. */
export type PagePart = (nowMs: number) => void;

/** How long a part may be left to later frames, ms: less than is seen, where bins come in every frame or frames are few. */
const PATIENCE_MS = 40;

/** Has what is around the charts drawn when something has changed, a part a frame. */
export class Parts {
  /** Those that are still to be drawn. */
  private owed: readonly PagePart[] = [];
  /** Whether something has changed since the first of them was drawn. */
  private changed = false;
  /** Since when the next of them could have been drawn. */
  private sinceMs = 0;

  constructor(private readonly all: readonly PagePart[]) {}

  /** Whether one is still to be drawn. */
  get owing(): boolean {
    return this.owed.length > 0;
  }

  /**
   * What a frame has to draw. A change is drawn from the next frame on: the charts go first.
   *
   * @param changed whether something has changed. @param bins whether bins came, with which the frame has enough to do.
   */
  next(nowMs: number, changed: boolean, bins: boolean): PagePart | undefined {
    this.changed ||= changed;
    const [part, ...others] = this.owed;
    const waits = bins && nowMs - this.sinceMs < PATIENCE_MS;
    if (part !== undefined && waits) return undefined;
    this.owed = others;
    this.sinceMs = nowMs;
    if (!this.owing && this.changed) {
      this.owed = this.all;
      this.changed = false;
    }
    return part;
  }
}
