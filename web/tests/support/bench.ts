import { vi } from 'vitest';
import { WebSocket } from 'ws';

import type { Socket } from '../../src/wire/host';
import type { WorkerEvent } from '../../src/wire/protocol';
import { streamUrl } from '../../src/wire/servings';
import { StreamSession } from '../../src/wire/session';
import { FakeServer, type FakeServerOptions } from './server';

type Kind = WorkerEvent['kind'];

/** A session over real sockets to a fake server, with everything it told. */
export class Bench {
  readonly events: WorkerEvent[] = [];
  readonly session: StreamSession;
  /** Whether the page shows what comes; a hidden one does not. */
  shows = true;
  private constructor(
    readonly server: FakeServer,
    private readonly host: string,
  ) {
    this.session = new StreamSession({
      open: (url) => new WebSocket(url) as unknown as Socket,
      emit: (event) => {
        this.events.push(event);
        if (event.kind === 'bin' && this.shows) this.acknowledge(event.update.bin_seq);
      },
      random: () => 0.5,
    });
  }

  static async start(options: Partial<FakeServerOptions> = {}): Promise<Bench> {
    const server = new FakeServer({ rate: 200, bins: 1000, ...options });
    return new Bench(server, await server.listen());
  }

  get url(): string {
    return streamUrl({ protocol: 'http:', host: this.host }, 'demo');
  }

  connect(serving = 'demo'): void {
    this.session.connect(streamUrl({ protocol: 'http:', host: this.host }, serving));
  }

  acknowledge(binSeq: number): void {
    this.session.send({ type: 'ack', bin_seq: binSeq });
  }

  async stop(): Promise<void> {
    this.session.disconnect();
    await this.server.close();
  }

  of<K extends Kind>(kind: K): Extract<WorkerEvent, { kind: K }>[] {
    return this.events.filter(
      (event): event is Extract<WorkerEvent, { kind: K }> => event.kind === kind,
    );
  }

  get bins(): number[] {
    return this.of('bin').map((event) => event.update.bin_seq);
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitFor(
      () => {
        if (!condition()) throw new Error(`still waiting; last bin ${this.bins.at(-1) ?? 'none'}`);
      },
      { timeout: 8000, interval: 5 },
    );
  }
}
