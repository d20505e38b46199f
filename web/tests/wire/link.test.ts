import { afterEach, describe, expect, it, vi } from 'vitest';

import { StreamLink } from '../../src/wire/link';
import type { WorkerEvent } from '../../src/wire/protocol';

/** A worker that says what a test has it say. */
class Speaker {
  static last: Speaker;
  onmessage: ((event: { data: WorkerEvent }) => void) | null = null;
  readonly told: unknown[] = [];
  ended = false;

  constructor() {
    Speaker.last = this;
  }

  say(attempt: number): void {
    this.onmessage?.({ data: { kind: 'connecting', attempt } });
  }

  postMessage(command: unknown): void {
    this.told.push(command);
  }

  terminate(): void {
    this.ended = true;
  }
}

describe('StreamLink', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('hands over what came before anybody listened, first and in order, after the listener has returned', async () => {
    vi.stubGlobal('Worker', Speaker);
    const link = new StreamLink();
    Speaker.last.say(0);
    Speaker.last.say(1);
    const heard: number[] = [];
    link.listen((event) => {
      if (event.kind === 'connecting') heard.push(event.attempt);
    });
    Speaker.last.say(2);
    expect(heard).toEqual([]);
    await Promise.resolve();
    Speaker.last.say(3);
    expect(heard).toEqual([0, 1, 2, 3]);
  });

  it('tells the worker, and ends it', () => {
    vi.stubGlobal('Worker', Speaker);
    const link = new StreamLink();
    link.tell({ kind: 'retry' });
    link.end();
    expect(Speaker.last.told).toEqual([{ kind: 'retry' }]);
    expect(Speaker.last.ended).toBe(true);
  });
});
