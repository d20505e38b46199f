import { afterEach, describe, expect, it } from 'vitest';

import type { ClientMessage } from '../../src/wire/types';
import { Bench } from '../support/bench';

const BINS = 30;

let bench: Bench | null = null;

afterEach(async () => {
  await bench?.stop();
  bench = null;
});

/** A replay that was played to its end. */
async function ended(): Promise<Bench> {
  const made = (bench = await Bench.start({ bins: BINS }));
  made.connect();
  await made.until(() => made.of('closed').length === 1);
  return made;
}

function history(from: number, to: number, every?: number): ClientMessage {
  return { type: 'history', from, to, ...(every !== undefined && { every }) };
}

describe('after the end of a replay', () => {
  it('a history comes over a connection that plays nothing, and the page hears of nothing else', async () => {
    const made = await ended();
    const before = made.events.length;
    made.session.send(history(3, 9));
    await made.until(() => made.of('history_end').length === 1);
    made.session.send(history(0, 19, 10));
    await made.until(() => made.of('history_end').length === 2);
    const came = made.of('history').map(({ update }) => [update.bin_seq, update.every ?? 1]);
    expect(came).toEqual([...[9, 8, 7, 6, 5, 4, 3].map((seq) => [seq, 1]), [19, 10], [9, 10]]);
    const kinds = new Set(made.events.slice(before).map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['history', 'history_end']));
    expect(made.server.heard.filter((text) => text === '{"type":"pause"}')).toHaveLength(1);
  });

  it('a new request takes the place of one that was not sent yet', async () => {
    const made = await ended();
    made.session.send(history(3, 9));
    made.session.send(history(11, 12));
    await made.until(() => made.of('history_end').length === 1);
    expect(made.of('history').map(({ update }) => update.bin_seq)).toEqual([12, 11]);
  });

  it('a lost connection is opened again, and asked the same', async () => {
    const made = await ended();
    made.session.send(history(3, 3));
    await made.until(() => made.of('history_end').length === 1);
    made.server.hold(true);
    made.session.send(history(4, 5));
    await made.until(() => made.server.heard.some((text) => text.includes('"from":4')));
    made.server.hold(false);
    made.server.dropClients();
    await made.until(() => made.of('history_end').length === 2);
    expect(made.of('history').map(({ update }) => update.bin_seq)).toEqual([3, 5, 4]);
    expect(made.of('closed')).toHaveLength(1);
  });

  it('what is not there is refused, and asked no more', async () => {
    const made = await ended();
    made.session.send(history(BINS, BINS + 5));
    await made.until(() => made.of('server_error').length === 1);
    made.session.send(history(1, 1));
    await made.until(() => made.of('history_end').length === 1);
    expect(made.of('server_error')[0]).toMatchObject({ code: 'bad_history' });
  });

  it('a seek is followed by one connection, which answers what was asked for before it', async () => {
    const made = await ended();
    made.session.send(history(10, 14));
    made.session.send({ type: 'seek', bin_seq: 15 });
    await made.until(() => made.of('closed').length === 2);
    expect(made.of('history').map(({ update }) => update.bin_seq)).toEqual([14, 13, 12, 11, 10]);
    expect(made.bins.slice(BINS)).toEqual(Array.from({ length: 15 }, (_unused, at) => 15 + at));
    expect(made.of('config')).toHaveLength(2);
  });

  it('nothing is asked of a server that serves something else by then', async () => {
    const made = await ended();
    made.server.promote('srv_other');
    made.session.send(history(3, 9));
    await made.until(() => made.server.connections === 2);
    await new Promise((done) => setTimeout(done, 100));
    made.session.send(history(3, 9));
    await new Promise((done) => setTimeout(done, 200));
    expect(made.of('history')).toEqual([]);
    expect(made.server.connections).toBe(2);
  });
});
