import { afterEach, describe, expect, it, vi } from 'vitest';

import { retryDelay } from '../../src/wire/backoff';
import type { Socket } from '../../src/wire/host';
import type { WorkerEvent } from '../../src/wire/protocol';
import { StreamSession } from '../../src/wire/session';
import { Bench } from '../support/bench';
import { goldenBytes, goldenText } from '../support/golden';
import { ACK_WINDOW } from '../support/server';

/** A session over a socket that is not there. */
function offline(): {
  session: StreamSession;
  socket: Socket;
  events: WorkerEvent[];
  /** What the session sent. */
  sent: string[];
} {
  const events: WorkerEvent[] = [];
  const sent: string[] = [];
  const socket: Socket = {
    binaryType: '',
    readyState: 1,
    onmessage: null,
    onclose: null,
    send: (text) => sent.push(text),
    close: () => undefined,
  };
  const host = { open: () => socket, emit: (event: WorkerEvent) => events.push(event) };
  return { session: new StreamSession({ ...host, random: () => 0 }), socket, events, sent };
}

let bench: Bench | null = null;

afterEach(async () => {
  await bench?.stop();
  bench = null;
});

describe('StreamSession', () => {
  it('delivers the config, then every bin in order, then the end', async () => {
    bench = await Bench.start({ bins: 20 });
    bench.connect();
    await bench.until(() => bench?.of('closed').length === 1);
    expect(bench.of('config')[0]?.message.serving.alias).toBe('demo');
    expect(bench.bins).toEqual(Array.from({ length: 20 }, (_unused, index) => index));
    expect(bench.of('ended')).toEqual([{ kind: 'ended', bins: 20 }]);
    expect(bench.of('closed')[0]).toMatchObject({ code: 1000, retryMs: null });
  });

  it('reports a refusal with the reason and does not try again', async () => {
    bench = await Bench.start();
    bench.connect('nonsense');
    await bench.until(() => bench?.of('closed').length === 1);
    expect(bench.of('server_error')[0]).toMatchObject({ code: 'unknown_serving' });
    expect(bench.of('closed')[0]).toMatchObject({ code: 1008, retryMs: null });
  });

  it('goes on behind the last bin after a lost connection, without a gap or a repeat', async () => {
    bench = await Bench.start();
    bench.connect();
    await bench.until(() => (bench?.bins.length ?? 0) >= 30);
    bench.server.dropClients();
    await bench.until(() => (bench?.bins.length ?? 0) >= 80);
    expect(bench.of('connecting').map((event) => event.attempt)).toEqual([0, 1]);
    expect(bench.bins).toEqual(bench.bins.map((_bin, index) => index));
  });

  it('stays paused across a lost connection', async () => {
    bench = await Bench.start();
    bench.connect();
    await bench.until(() => (bench?.bins.length ?? 0) >= 5);
    bench.session.send({ type: 'pause' });
    await bench.until(() => bench?.server.heard.includes('{"type":"pause"}') ?? false);
    bench.server.dropClients();
    await bench.until(
      () => bench?.server.heard.filter((text) => text.includes('pause')).length === 2,
    );
    const paused = bench.bins.length;
    bench.session.send({ type: 'resume' });
    await bench.until(() => (bench?.bins.length ?? 0) > paused + 10);
    expect(bench.bins).toEqual(bench.bins.map((_bin, index) => index));
  });

  it('seeks back, and opens a new connection for a seek after the end', async () => {
    bench = await Bench.start({ bins: 15 });
    bench.connect();
    await bench.until(() => bench?.of('closed').length === 1);
    bench.session.send({ type: 'seek', bin_seq: 12 });
    await bench.until(() => bench?.of('closed').length === 2);
    expect(bench.bins.slice(15)).toEqual([12, 13, 14]);
  });

  it('begins elsewhere: no bin comes before the page has said where', async () => {
    bench = await Bench.start();
    bench.session.connect(bench.url, true);
    await bench.until(() => bench?.of('config').length === 1);
    await new Promise((done) => setTimeout(done, 100));
    expect(bench.bins).toEqual([]);
    bench.session.send({ type: 'speed', value: 4 });
    bench.session.send({ type: 'seek', bin_seq: 70 });
    await bench.until(() => (bench?.bins.length ?? 0) >= 10);
    expect(bench.bins.slice(0, 3)).toEqual([70, 71, 72]);
    // A new connection is told the speed again.
    bench.server.dropClients();
    await bench.until(() => (bench?.of('speed').length ?? 0) === 2);
    expect(bench.bins).toEqual(bench.bins.map((_bin, index) => 70 + index));
  });

  it('asks to follow the alias once a connection', async () => {
    bench = await Bench.start();
    bench.connect();
    await bench.until(() => (bench?.bins.length ?? 0) >= 2);
    bench.server.dropClients();
    await bench.until(() => (bench?.of('config').length ?? 0) === 2);
    await bench.until(() => (bench?.bins.length ?? 0) >= 10);
    const asked = bench.server.heard.filter((text) => text.includes('follow'));
    expect(asked).toEqual(['{"type":"follow"}', '{"type":"follow"}']);
  });

  it('is sent no more than a page shows, also by a new connection', async () => {
    bench = await Bench.start();
    bench.shows = false;
    bench.connect();
    await bench.until(() => (bench?.bins.length ?? 0) >= ACK_WINDOW);
    bench.server.dropClients();
    await bench.until(() => (bench?.bins.length ?? 0) >= 2 * ACK_WINDOW);
    // What was sent before the first ack of a connection came does not count.
    const most = 2 * (ACK_WINDOW + 20);
    expect(bench.bins.length).toBeLessThan(most);
    bench.shows = true;
    bench.acknowledge(bench.bins.at(-1) ?? -1);
    await bench.until(() => (bench?.bins.length ?? 0) > most);
    expect(bench.bins).toEqual(bench.bins.map((_bin, index) => index));
  });

  it('connects anew at once after the machine slept, goes on where it was, and only where there is a stream', async () => {
    bench = await Bench.start();
    bench.session.awake();
    expect(bench.events).toEqual([]);
    bench.connect();
    await bench.until(() => (bench?.bins.length ?? 0) > 20);
    const before = bench.bins.length;
    bench.session.awake();
    expect(bench.events.slice(-2)).toMatchObject([
      { kind: 'closed', code: 1006, retryMs: 0 },
      { kind: 'connecting' },
    ]);
    await bench.until(() => (bench?.bins.length ?? 0) > before + 20);
    expect(bench.bins).toEqual(bench.bins.map((_bin, index) => index));
    bench.server.dropClients();
    await bench.until(() => bench?.events.at(-1)?.kind === 'closed');
    bench.session.awake();
    expect(bench.events.at(-1)?.kind).toBe('connecting');
    const found = bench.bins.length;
    await bench.until(() => (bench?.bins.length ?? 0) > found);
  });

  it('connects anew when the network is back and nothing came for two seconds, not while bins come', async () => {
    bench = await Bench.start();
    bench.connect();
    await bench.until(() => (bench?.bins.length ?? 0) > 20);
    bench.session.online();
    expect(bench.of('closed')).toEqual([]);
    bench.server.hold(true);
    await new Promise((resolve) => setTimeout(resolve, 2200));
    const before = bench.bins.length;
    bench.server.hold(false);
    bench.session.online();
    expect(bench.events.slice(-2)).toMatchObject([
      { kind: 'closed', code: 1006, reason: 'the network was away', retryMs: 0 },
      { kind: 'connecting' },
    ]);
    await bench.until(() => (bench?.bins.length ?? 0) > before + 20);
    expect(bench.bins).toEqual(bench.bins.map((_bin, index) => index));
  });

  it('takes no silence for a dead connection while the page shows nothing', () => {
    vi.useFakeTimers();
    try {
      const { session, socket, events } = offline();
      session.connect('ws://localhost/');
      socket.onmessage?.({ data: goldenText('runtime_config.json') });
      socket.onmessage?.({ data: goldenText('busy.update.json') });
      socket.onmessage?.({ data: goldenBytes('busy.arrow').buffer });
      vi.advanceTimersByTime(100_000);
      expect(events.map((event) => event.kind)).toEqual(['connecting', 'config', 'bin']);
      session.send({ type: 'ack', bin_seq: 6000 });
      vi.advanceTimersByTime(30_100);
      expect(events.at(-1)).toMatchObject({ kind: 'closed', code: 1006 });
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes a connection for dead thirty seconds after the last word, and never during a pause', () => {
    vi.useFakeTimers();
    try {
      const { session, socket, events } = offline();
      session.connect('ws://localhost/');
      socket.onmessage?.({ data: goldenText('runtime_config.json') });
      const bin = (): void => {
        socket.onmessage?.({ data: goldenText('busy.update.json') });
        socket.onmessage?.({ data: goldenBytes('busy.arrow').buffer });
        session.send({ type: 'ack', bin_seq: 6000 });
      };
      const closed = (): boolean => events.some(({ kind }) => kind === 'closed');
      bin();
      for (let times = 0; times < 5; times += 1) {
        vi.advanceTimersByTime(20_000);
        bin();
      }
      session.send({ type: 'pause' });
      vi.advanceTimersByTime(100_000);
      session.send({ type: 'resume' });
      vi.advanceTimersByTime(29_900);
      expect(closed()).toBe(false);
      vi.advanceTimersByTime(200);
      expect(events.at(-1)).toMatchObject({ kind: 'closed', code: 1006 });
    } finally {
      vi.useRealTimers();
    }
  });

  it('asks for a bin the user wants to see during a pause, and only then', () => {
    const { session, socket, sent } = offline();
    session.connect('ws://localhost/');
    session.send({ type: 'pause' });
    socket.onclose?.({ code: 1000, reason: '' });
    session.send({ type: 'seek', bin_seq: 7 });
    sent.length = 0;
    socket.onmessage?.({ data: goldenText('runtime_config.json') });
    expect(sent).toEqual([
      '{"type":"ack","bin_seq":0}',
      '{"type":"follow"}',
      '{"type":"pause"}',
      '{"type":"seek","bin_seq":7}',
    ]);
    session.disconnect();
  });

  it('gives up on a server of another major version, with a word why', () => {
    const { session, socket, events } = offline();
    session.connect('ws://localhost/');
    socket.onmessage?.({ data: goldenText('other_major.runtime_config.json') });
    expect(events.map((event) => event.kind)).toEqual(['connecting', 'incompatible']);
    expect(socket.onmessage).toBeNull();
  });

  it('tells of an answer to a message the server refuses, and goes on', async () => {
    bench = await Bench.start({ bins: 1000 });
    bench.connect();
    await bench.until(() => (bench?.bins.length ?? 0) >= 2);
    bench.session.send({ type: 'seek', bin_seq: 5000 });
    await bench.until(() => bench?.of('server_error').length === 1);
    const count = bench.bins.length;
    await bench.until(() => (bench?.bins.length ?? 0) > count + 5);
  });

  it('says when messages cannot be read, and goes on with the next whole bin', () => {
    const { session, socket, events } = offline();
    session.connect('ws://localhost/');
    socket.onmessage?.({ data: 'not json' });
    socket.onmessage?.({ data: new ArrayBuffer(3) });
    socket.onmessage?.({ data: '{"type":"stream_end","bins":0}' });
    expect(events.map((event) => event.kind)).toEqual([
      'connecting',
      'protocol_error',
      'protocol_error',
      'ended',
    ]);
  });
});

describe('retryDelay', () => {
  it('doubles up to fifteen seconds', () => {
    const delays = [0, 1, 2, 3, 4, 5, 6, 50].map((attempt) => retryDelay(1006, attempt, 0.5));
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it('spreads by a fifth either way, and gives a full server time', () => {
    expect(retryDelay(1006, 0, 0)).toBe(400);
    expect(retryDelay(1006, 0, 1)).toBe(600);
    expect(retryDelay(1013, 0, 0.5)).toBe(5000);
  });

  it('gives up when asking again is no use', () => {
    expect(retryDelay(1000, 0, 0.5)).toBeNull();
    expect(retryDelay(1008, 0, 0.5)).toBeNull();
  });
});
