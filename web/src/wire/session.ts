import { Afterwards } from './afterwards';
import { Assembler, type Decoded } from './assembler';
import { retryDelay } from './backoff';
import { cellLayout } from './cells';
import { ContractVersionError, WireError } from './errors';
import { ACK_WINDOW_BINS } from './generated/facts';
import type { SessionHost, Socket } from './host';
import {
  CLOSE,
  streamIdentity,
  type ClientMessage,
  type GridUpdate,
  type History,
  type RuntimeConfigMessage,
} from './types';

const OPEN = 1;
/** A stream that has begun sends even empty bins, so this long a silence is a dead connection. */
const SILENCE_MS = 30_000;
/** A connection this long without a word is not waited for when the network comes back, ms. */
const SILENCE_OF_A_LOST_NETWORK_MS = 2000;
/** Bins already on their way may come before a seek takes effect; after more it is taken as ignored. */
const STALE_BINS_AFTER_SEEK = 1.25 * ACK_WINDOW_BINS;

/**
 * One stream, kept alive over any number of connections.
 *
 * After a lost connection it connects again with growing delays and, when the server still serves the same thing,
 * goes on behind the last bin it has and stays paused if it was. The server sends only so many bins ahead of the
 * last `ack`, so a page that shows nothing for a while is sent nothing either.
 */
export class StreamSession {
  private socket: Socket | null = null;
  private assembler = new Assembler();
  private url = '';
  private attempt = 0;
  private paused = false;
  private identity: string | null = null;
  private lastBin = -1;
  /** Where the last seek leads: until that bin comes, others are of before it. */
  private awaited: number | null = null;
  private staleBins = 0;
  /** Whether bins are held back until the page has said where to begin. */
  private holdsBins = false;
  /** Speed that the page asked for, which a new connection is told again. */
  private speed: number | null = null;
  /** Where to go once connected, asked for while not connected. */
  private seekOnOpen: number | null = null;
  /** Answers what is asked for after the end of a replay; null before that. */
  private afterwards: Afterwards | null = null;
  /** What was asked for after the end, and is to be answered by the connection of a seek. */
  private historyOnOpen: History | null = null;
  /** Whether this connection has been told how the page wants its bins. */
  private greeted = false;
  /** Whether the page still has bins that it has not acknowledged; the server may be waiting for that. */
  private owesAck = false;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;
  /** Since when nothing was heard or said. */
  private silentSinceMs = 0;

  constructor(private readonly host: SessionHost) {}

  /**
   * Starts a fresh stream; a current one is left.
   *
   * @param elsewhere whether the page begins with a seek, once it knows the config: bins before that are held back.
   */
  connect(url: string, elsewhere = false): void {
    this.disconnect();
    this.url = url;
    this.attempt = 0;
    this.paused = false;
    this.speed = null;
    this.holdsBins = elsewhere;
    this.identity = null;
    this.lastBin = -1;
    this.seekOnOpen = null;
    this.openSocket();
  }

  disconnect(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.afterwards?.close();
    this.afterwards = null;
    this.historyOnOpen = null;
    this.abandon();
  }

  /** Leaves the connection; a dead peer never answers the closing handshake, so its close event is not waited for. */
  private abandon(): void {
    this.stopWatching();
    const { socket } = this;
    this.socket = null;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /** The machine slept: it has lost its connection, and nobody tells it. */
  awake(): void {
    this.renew('the machine slept');
  }

  /** The network is back: a connection over which nothing comes may have gone with it, untold. */
  online(): void {
    if (performance.now() - this.silentSinceMs >= SILENCE_OF_A_LOST_NETWORK_MS)
      this.renew('the network was away');
    else this.retryNow();
  }

  /** Connects anew, or ends the wait for that. */
  private renew(reason: string): void {
    this.retryNow();
    if (this.socket?.readyState !== OPEN) return;
    this.abandon();
    this.host.emit({ kind: 'closed', code: 1006, reason, retryMs: 0 });
    this.openSocket();
  }

  /** Ends the wait for the next attempt to connect; nothing happens when none is waited for. */
  retryNow(): void {
    if (this.retryTimer === undefined) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.openSocket();
  }

  /**
   * Sends a message. What it asks for while there is no connection is asked again once there is one. After the end of a
   * replay a seek opens a new connection; a history is asked for over one that plays nothing.
   */
  send(message: ClientMessage): void {
    if (message.type === 'pause') this.paused = true;
    if (message.type === 'resume') this.paused = false;
    if (message.type === 'ack' && message.bin_seq >= this.lastBin) this.owesAck = false;
    if (message.type === 'speed') this.speed = message.value;
    if (message.type === 'seek') {
      this.holdsBins = false;
      this.awaited = message.bin_seq;
      this.staleBins = 0;
      this.owesAck = false;
      // A connection that is lost before the seek takes effect goes on there.
      this.lastBin = message.bin_seq - 1;
    }
    this.watchSilence();
    if (this.socket?.readyState === OPEN) {
      this.socket.send(JSON.stringify(message));
    } else if (message.type === 'seek') {
      this.seekOnOpen = message.bin_seq;
      if (this.socket === null && this.retryTimer === undefined) this.openSocket();
    } else if (message.type === 'history') {
      this.afterwards?.ask(message);
    }
  }

  private openSocket(): void {
    this.historyOnOpen = this.afterwards?.close() ?? this.historyOnOpen;
    this.afterwards = null;
    this.host.emit({ kind: 'connecting', attempt: this.attempt });
    this.assembler = new Assembler();
    this.awaited = null;
    this.greeted = false;
    this.owesAck = false;
    const socket = this.host.open(this.url);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (event) => {
      this.receive(event.data);
    };
    socket.onclose = (event) => {
      this.closed(event.code, event.reason);
    };
  }

  private receive(data: unknown): void {
    try {
      const decoded = this.assembler.take(data);
      if (decoded !== null) this.deliver(decoded);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (error instanceof ContractVersionError) {
        this.disconnect();
        this.host.emit({ kind: 'incompatible', message: error.message });
        return;
      }
      this.host.emit({ kind: 'protocol_error', message: error.message });
    }
  }

  private deliver(decoded: Decoded): void {
    switch (decoded.type) {
      case 'runtime_config':
        this.configured(decoded);
        break;
      case 'bin': {
        const { update, cells } = decoded;
        if (update.history === true) {
          this.watchSilence();
          this.host.emit({ kind: 'history', update, cells }, [cells.buffer]);
          return;
        }
        if (this.isStale(update)) return;
        this.attempt = 0;
        this.lastBin = update.bin_seq;
        this.owesAck = true;
        this.watchSilence();
        this.host.emit({ kind: 'bin', update, cells }, [cells.buffer]);
        break;
      }
      case 'stream_end':
        this.stopWatching();
        this.host.emit({ kind: 'ended', bins: decoded.bins });
        break;
      case 'history_end':
        this.host.emit({ kind: 'history_end', message: decoded });
        break;
      case 'speed':
        this.host.emit({ kind: 'speed', value: decoded.value });
        break;
      case 'error':
        if (decoded.code === 'bad_seek') this.awaited = null;
        this.host.emit({ kind: 'server_error', code: decoded.code, message: decoded.message });
        break;
    }
  }

  private configured(message: RuntimeConfigMessage): void {
    const { columns } = cellLayout(
      message.grid_fields.map((field) => field.name),
      message.grid_rows,
    );
    const identity = streamIdentity(message);
    const same = this.identity === identity;
    if (!same) this.lastBin = -1;
    this.identity = identity;
    this.host.emit({ kind: 'config', message, columns });
    const goOn = same && this.lastBin >= 0 ? this.lastBin + 1 : null;
    const asked = this.seekOnOpen;
    const target = asked ?? goOn;
    this.seekOnOpen = null;
    this.awaited = null;
    if (!this.greeted) this.greet(message.serving.alias);
    if (same && this.historyOnOpen !== null) this.send(this.historyOnOpen);
    this.historyOnOpen = null;
    // A seek shows its bin also during a pause, which is wanted of one that the user asked for.
    if (this.paused && asked !== null) this.send({ type: 'pause' });
    if (target !== null) {
      this.send({ type: 'seek', bin_seq: target });
    }
    if (this.paused && asked === null) this.send({ type: 'pause' });
  }

  private greet(alias: string | null): void {
    this.greeted = true;
    // From its first ack on a client is sent no more than it handles; this one is about nothing yet.
    this.send({ type: 'ack', bin_seq: Math.max(this.lastBin, 0) });
    // A page opened by alias shows what is promoted, also when that changes.
    if (alias !== null) this.send({ type: 'follow' });
    if (this.speed !== null) this.send({ type: 'speed', value: this.speed });
  }

  private isStale({ bin_seq: seq, skipped_bins: skipped }: GridUpdate): boolean {
    if (this.holdsBins) return true;
    const { awaited } = this;
    if (awaited === null) return false;
    this.staleBins += 1;
    const reached = seq >= awaited && seq - skipped <= awaited;
    if (!reached && this.staleBins <= STALE_BINS_AFTER_SEEK) return true;
    this.awaited = null;
    return false;
  }

  /** A silence begins now. Its timer is left as it is: setting one for every bin takes as long as reading the bin. */
  private watchSilence(): void {
    this.silentSinceMs = performance.now();
    if (this.paused || this.lastBin < 0) return;
    this.silenceTimer ??= setTimeout(this.lookAtSilence, SILENCE_MS);
  }

  private readonly lookAtSilence = (): void => {
    this.silenceTimer = undefined;
    if (this.socket === null || this.paused || this.lastBin < 0) return;
    const leftMs = this.silentSinceMs + SILENCE_MS - performance.now();
    if (leftMs > 0) {
      this.silenceTimer = setTimeout(this.lookAtSilence, leftMs);
    } else if (this.owesAck) {
      // A hidden page draws nothing and acknowledges nothing: it is the server who waits.
      this.watchSilence();
    } else {
      this.abandon();
      this.closed(1006, 'no data for 30 s');
    }
  };

  private stopWatching(): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = undefined;
  }

  private closed(code: number, reason: string): void {
    this.stopWatching();
    this.socket = null;
    const retryMs = retryDelay(code, this.attempt, this.host.random());
    if (code === CLOSE.finished && this.identity !== null)
      this.afterwards = new Afterwards(this.host, this.url, this.identity);
    this.host.emit({ kind: 'closed', code, reason, retryMs });
    if (retryMs === null) return;
    this.attempt += 1;
    this.retryTimer = setTimeout(() => {
      this.retryTimer = undefined;
      this.openSocket();
    }, retryMs);
  }
}
