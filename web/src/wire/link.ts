import type { WorkerCommand, WorkerEvent } from './protocol';

/** A worker that owns one connection. What it says before anybody listens is kept. */
export class StreamLink {
  private readonly worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  private kept: WorkerEvent[] = [];
  private take: (event: WorkerEvent) => void = (event) => {
    this.kept.push(event);
  };

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<WorkerEvent>) => {
      this.take(data);
    };
  }

  /** Hands over what comes from now on, and what has come, though that not before the caller has returned. */
  listen(take: (event: WorkerEvent) => void): void {
    queueMicrotask(() => {
      const { kept } = this;
      this.kept = [];
      this.take = take;
      kept.forEach(take);
    });
  }

  tell(command: WorkerCommand): void {
    this.worker.postMessage(command);
  }

  end(): void {
    this.worker.terminate();
  }
}
