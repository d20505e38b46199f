import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

import { WebSocketServer, type WebSocket } from 'ws';

import { parsePrice } from '../../src/state/price';
import type { ClientMessage, GridUpdate } from '../../src/wire/types';
import { asOne, type WholeBin } from './columns';
import { decodeGrid, encodeGrid } from './encode';
import { BIN_MS, Market, RUNTIME_CONFIG } from './market';

export interface FakeServerOptions {
  /** 0 takes a free port. */
  port: number;
  /** Bins a second. */
  rate: number;
  /** Bins after which the replay ends. */
  bins: number;
  seed: number;
  servings: string[];
  /** The market begins again after so many bins, with the numbers and times going on; null for never. */
  cycle: number | null;
  /** Bins that are there from the beginning, as of a replay that was played before; null for those made so far. */
  ready: number | null;
  /** Folder with the built page, or null to serve the stream only. */
  pages: string | null;
}

const DEFAULTS: FakeServerOptions = {
  port: 0,
  rate: 10,
  bins: 36_000,
  seed: 7,
  servings: ['demo'],
  cycle: null,
  ready: null,
  pages: null,
};

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Later than this, ms, a client is sent the newest bin that is due. */
const MAX_LAG_MS = 1000;
/** Bins of a history that follow one another, and the rest between two such bursts, ms. */
const BURST = 16;
const REST_MS = 8;

/** Bins on their way to a client that acknowledges them, as the real server has it. */
export const ACK_WINDOW = 64;

/** What the server knows of the run that is served, as far as the page reads it. */
const RUN = {
  thresholds: [
    { threshold: 0.1, confirm: { n_signals: 400, tp_rate: 0.41 }, p_corrected: 0.6 },
    {
      threshold: 0.25,
      confirm: {
        n_signals: 120,
        tp_rate: 0.58,
        tp_rate_low: 0.49,
        tp_rate_high: 0.66,
        net_pnl_ticks: 0.8,
      },
      p_corrected: 0.012,
      n_trials: 14,
      verdict: 'proven',
      doubt: null,
    },
  ],
};

interface Encoded {
  text: string;
  grid: Uint8Array;
}

interface Replay {
  market: Market;
  log: Encoded[];
}

/** Replays by seed: every server of a process sends the same bins, and makes each once. */
const replays = new Map<number, Replay>();

function replayOf(seed: number): Replay {
  const replay = replays.get(seed) ?? { market: new Market(seed), log: [] };
  replays.set(seed, replay);
  return replay;
}

function binOf({ market, log }: Replay, seq: number): Encoded {
  while (log.length <= seq) {
    const { update, columns } = market.next();
    log.push({ text: JSON.stringify(update), grid: encodeGrid(columns) });
  }
  const bin = log[seq];
  if (bin === undefined) throw new RangeError(`there is no bin ${seq}`);
  return bin;
}

/** As {@link binOf}, of a market that begins again after `cycle` bins: only numbers and times go on. */
function cycledBinOf(replay: Replay, seq: number, cycle: number | null): Encoded {
  const later = cycle === null ? 0 : seq - (seq % cycle);
  return moved(binOf(replay, seq - later), later);
}

/** The same so many bins later. */
function moved(bin: Encoded, bins: number): Encoded {
  if (bins === 0) return bin;
  const update = JSON.parse(bin.text) as GridUpdate;
  const later = BigInt(bins * BIN_MS) * 1_000_000n;
  update.bin_seq += bins;
  update.bin_start_ns = String(BigInt(update.bin_start_ns) + later);
  update.bin_end_ns = String(BigInt(update.bin_end_ns) + later);
  return { text: JSON.stringify(update), grid: bin.grid };
}

/** Last bin of each stretch of a history, newest first, as `vp_stream` makes them. */
function lastOfStretches(from: number, to: number, every: number): number[] {
  const lasts: number[] = [];
  for (let last = to; last >= from; last = Math.max(last - (last % every), from) - 1)
    lasts.push(last);
  return lasts;
}

/** One bin of a history with that `every`: as it is, or several as one. */
function stretchOf(bins: readonly Encoded[], every: number): Encoded {
  const [only] = bins;
  if (every === 1 && only !== undefined) {
    const update = JSON.parse(only.text) as GridUpdate;
    return { text: JSON.stringify({ ...update, history: true }), grid: only.grid };
  }
  const whole = bins.map(({ text, grid }, index): WholeBin => {
    const update = JSON.parse(text) as GridUpdate;
    // Reading a grid takes long; most bins have no trades.
    const read = index === bins.length - 1 || update.buy_volume + update.sell_volume > 0;
    return { update, columns: read ? decodeGrid(grid) : {} };
  });
  const { update, columns } = asOne(whole, parsePrice(RUNTIME_CONFIG.config.tick_size));
  return { text: JSON.stringify(update), grid: encodeGrid(columns) };
}

/** A stream server for the page's tests: the real protocol and real Arrow bytes over an invented market. */
export class FakeServer {
  /** Text messages that clients sent, in order. */
  readonly heard: string[] = [];
  private readonly options: FakeServerOptions;
  private readonly http: Server;
  private readonly sockets: WebSocketServer;
  private readonly replay: Replay;
  private held = false;
  private isCut = false;
  private servingId = RUNTIME_CONFIG.serving.serving_id;
  /** How many connections were opened. */
  connections = 0;
  private readonly stretches = new Map<string, Encoded>();

  constructor(options: Partial<FakeServerOptions> = {}) {
    this.options = { ...DEFAULTS, ...options };
    this.replay = replayOf(this.options.seed);
    this.http = createServer((request, response) => {
      void this.page(request.url ?? '/').then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type }).end(body);
      });
    });
    this.http.on('connection', (socket) => {
      if (this.isCut) socket.destroy();
    });
    this.sockets = new WebSocketServer({ server: this.http, perMessageDeflate: false });
    this.sockets.on('connection', (socket, request) => {
      this.connections += 1;
      this.serve(socket, new URL(request.url ?? '/', 'http://localhost'));
    });
  }

  /** Starts listening; returns the host and port. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.http.listen(this.options.port, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Breaks every connection without a closing handshake, as a crash would. */
  dropClients(): void {
    for (const client of this.sockets.clients) client.terminate();
  }

  /** Breaks every connection and takes no other, as behind a network that is away; or takes them again. */
  cut(isCut: boolean): void {
    this.isCut = isCut;
    if (isCut) this.dropClients();
  }

  /** Sends nothing and answers nothing, as a stopped process; or goes on. */
  hold(held: boolean): void {
    this.held = held;
  }

  /** What connections are told from now on that they are sent. */
  promote(servingId: string): void {
    this.servingId = servingId;
  }

  /** Bins a second from now on; what was promised before stays due, as behind a link that has become slow. */
  slowTo(rate: number): void {
    this.options.rate = rate;
  }

  async close(): Promise<void> {
    this.dropClients();
    this.sockets.close();
    await new Promise((resolve) => this.http.close(resolve));
  }

  /** How many bins are there. */
  private get made(): number {
    return Math.min(this.options.ready ?? this.replay.log.length, this.options.bins);
  }

  private bin(seq: number): Encoded {
    return cycledBinOf(this.replay, seq, this.options.cycle);
  }

  /** As {@link stretchOf}; where the market begins again each is made once, for it takes long. */
  private stretch(first: number, last: number, every: number): Encoded {
    const { cycle } = this.options;
    const later = cycle === null ? 0 : first - (first % cycle);
    const key = `${first - later} ${last - first} ${every}`;
    let made = this.stretches.get(key);
    if (made === undefined) {
      const bins = Array.from({ length: last - first + 1 }, (_unused, at) => {
        return this.bin(first - later + at);
      });
      made = stretchOf(bins, every);
      if (cycle !== null) this.stretches.set(key, made);
    }
    return moved(made, later);
  }

  private serve(socket: WebSocket, url: URL): void {
    const serving = url.searchParams.get('serving');
    if (serving === null || !this.options.servings.includes(serving)) {
      const message = `There is no serving "${serving ?? ''}"; known are ${this.options.servings.join(', ')}.`;
      socket.send(JSON.stringify({ type: 'error', code: 'unknown_serving', message }));
      socket.close(1008);
      return;
    }
    let cursor = 0;
    let paused = false;
    /** What is still to be sent of a history, newest first. */
    let older: number[] = [];
    let asked = { from: 0, to: 0, every: 1, bins: 0 };
    const lookBack = (): void => {
      if (this.held) return;
      // Making one of many takes long; the stream goes on meanwhile.
      for (const last of older.splice(0, Math.ceil(BURST / asked.every))) {
        const first = Math.max(last - (last % asked.every), asked.from);
        const { text, grid } = this.stretch(first, last, asked.every);
        socket.send(text);
        socket.send(grid);
      }
      if (older.length > 0) return;
      clearInterval(lookingBack);
      socket.send(JSON.stringify({ type: 'history_end', ...asked }));
    };
    let lookingBack: NodeJS.Timeout | undefined;
    let speed = 1;
    /** Whether the client was waited for: what was due meanwhile is left out. */
    let waited = false;
    /** Whether a seek is to show its bin during a pause. */
    let showsOne = false;
    /** Bins on their way; null until the client acknowledges any. */
    let unacked: number[] | null = null;
    socket.send(
      JSON.stringify({
        ...RUNTIME_CONFIG,
        serving: { ...RUNTIME_CONFIG.serving, alias: serving, serving_id: this.servingId },
      }),
    );
    // By an absolute schedule, which does not drift; what is late is sent at once.
    let dueMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const next = (): void => {
      timer = setTimeout(tick, Math.max(dueMs - performance.now(), 0));
    };
    const tick = (): void => {
      if (paused) dueMs = performance.now();
      const full = unacked !== null && unacked.length >= ACK_WINDOW;
      waited ||= full;
      if (this.held || (paused && !showsOne) || full) {
        timer = setTimeout(tick, 10);
        return;
      }
      showsOne = false;
      const periodMs = 1000 / (this.options.rate * speed);
      const lateMs = performance.now() - dueMs;
      const wanted = waited && lateMs > MAX_LAG_MS ? Math.floor(lateMs / periodMs) : 0;
      const skipped = Math.min(wanted, this.options.bins - 1 - cursor);
      waited = false;
      cursor += skipped;
      dueMs += (1 + skipped) * periodMs;
      unacked?.push(cursor);
      const bin = this.bin(cursor);
      cursor += 1;
      socket.send(
        skipped > 0 ? bin.text.replace(/"skipped_bins":0/, `"skipped_bins":${skipped}`) : bin.text,
      );
      socket.send(bin.grid);
      if (cursor < this.options.bins) {
        next();
        return;
      }
      socket.send(JSON.stringify({ type: 'stream_end', bins: this.options.bins }));
      socket.close(1000);
    };
    next();
    socket.on('close', () => {
      clearTimeout(timer);
      clearInterval(lookingBack);
    });
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      this.heard.push(text);
      const message = JSON.parse(text) as ClientMessage;
      if (message.type === 'pause') paused = true;
      else if (message.type === 'resume') paused = false;
      else if (message.type === 'follow') return;
      else if (message.type === 'ack') {
        unacked = (unacked ?? []).filter((seq) => seq > message.bin_seq);
      } else if (message.type === 'speed') {
        speed = message.value;
        dueMs = performance.now();
        socket.send(text);
      } else if (message.type === 'history' && message.from < this.made) {
        // As of an engine that still runs, there is what was made so far.
        const { from, every = 1 } = message;
        const to = Math.min(message.to, this.made - 1);
        older = lastOfStretches(from, to, every);
        asked = { from, to, every, bins: older.length };
        clearInterval(lookingBack);
        lookingBack = setInterval(lookBack, REST_MS);
      } else if (message.type === 'seek' && message.bin_seq < this.options.bins) {
        cursor = message.bin_seq;
        showsOne = paused;
        dueMs = performance.now();
        unacked = unacked && [];
        // That bin is due at once, whenever the next one would have been.
        clearTimeout(timer);
        next();
      } else {
        const answer = `The replay has bins 0 to ${this.options.bins - 1}.`;
        const kind = message.type === 'seek' ? 'seek' : 'history';
        socket.send(JSON.stringify({ type: 'error', code: `bad_${kind}`, message: answer }));
      }
    });
  }

  private async page(
    url: string,
  ): Promise<{ status: number; type: string; body: string | Buffer }> {
    const path = new URL(url, 'http://localhost').pathname;
    if (path === '/v1/servings') {
      const body = this.options.servings.map((alias) => ({ alias, serving_id: `srv_${alias}` }));
      return { status: 200, type: 'application/json', body: JSON.stringify({ servings: body }) };
    }
    if (path === `/v1/experiments/runs/${RUNTIME_CONFIG.serving.source_run}/detail`) {
      return { status: 200, type: 'application/json', body: JSON.stringify(RUN) };
    }
    const missing = { status: 404, type: 'text/plain', body: 'not found' };
    if (this.options.pages === null) return missing;
    const file = normalize(path === '/' ? '/index.html' : path);
    try {
      const body = await readFile(join(this.options.pages, file));
      return { status: 200, type: TYPES[extname(file)] ?? 'application/octet-stream', body };
    } catch {
      return missing;
    }
  }
}
