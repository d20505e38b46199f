/** How late the newest bins came, in a ring by number; those that were asked for later did not come late. */
export class LatenessLog {
  /** Grows with every bin. */
  revision = 0;
  private readonly ms: Float32Array;
  private readonly seqs: Int32Array;
  private newest = -1;

  /** @param capacity bins kept. */
  constructor(private readonly capacity: number) {
    this.ms = new Float32Array(capacity);
    this.seqs = new Int32Array(capacity).fill(-1);
  }

  put(seq: number, ms: number): void {
    this.ms[seq % this.capacity] = ms;
    this.seqs[seq % this.capacity] = seq;
    this.newest = seq;
    this.revision += 1;
  }

  /** The greatest lateness of the bins from `from` to `to`, ms; NaN where none of them came by itself. */
  worst(from: number, to: number): number {
    let worst = NaN;
    const first = Math.max(from, this.newest - this.capacity + 1, 0);
    for (let seq = first; seq <= to; seq += 1) {
      const slot = seq % this.capacity;
      const ms = this.seqs[slot] === seq ? (this.ms[slot] ?? 0) : NaN;
      if (!(ms <= worst)) worst = Number.isNaN(ms) ? worst : ms;
    }
    return worst;
  }
}
