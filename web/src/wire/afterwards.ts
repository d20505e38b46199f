import { Assembler, type Decoded } from './assembler';
import { retryDelay } from './backoff';
import { ContractVersionError, WireError } from './errors';
import type { SessionHost, Socket } from './host';
import { streamIdentity, type History } from './types';

/** Before a connection is opened, ms: a seek that follows at once opens one that can answer too. */
const DELAY_MS = 50;
/** After so long without a request and without an answer the connection is closed, ms. */
const IDLE_MS = 10_000;

/**
 * Asks for bins after a replay has ended, when the stream's own connection is closed.
 *
 * It opens a connection that plays nothing, keeps it while there is something to ask, and opens another when there is
 * again. What is asked for while there is none, or while one is lost, is asked once there is one.
 */
export class Afterwards {
  private socket: Socket | null = null;
  private assembler = new Assembler();
  /** Asked for, and not answered. */
  private asked: History | null = null;
  /** Whether the server has said that it serves the same as before. */
  private isOpen = false;
  private attempt = 0;
  private opening: ReturnType<typeof setTimeout> | undefined;
  private idle: ReturnType<typeof setTimeout> | undefined;
  private idleSinceMs = 0;
  /** Whether there is no use in another connection. */
  private isOver = false;

  /** @param identity of the stream that has ended: bins of another are not wanted. */
  constructor(
    private readonly host: SessionHost,
    private readonly url: string,
    private readonly identity: string,
  ) {}

  /** A new request takes the place of one that is not answered. */
  ask(message: History): void {
    if (this.isOver) return;
    this.asked = message;
    if (this.socket === null) this.openIn(DELAY_MS);
    else if (this.isOpen) this.tell(message);
  }

  /** Asks no more; returns what was not answered. */
  close(): History | null {
    const { asked } = this;
    this.isOver = true;
    clearTimeout(this.opening);
    this.leave();
    return asked;
  }

  private openIn(ms: number): void {
    if (this.opening !== undefined) return;
    this.opening = setTimeout(() => {
      this.opening = undefined;
      this.open();
    }, ms);
  }

  private open(): void {
    this.assembler = new Assembler();
    this.isOpen = false;
    const socket = this.host.open(this.url);
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      this.receive(data);
    };
    socket.onclose = ({ code }) => {
      this.lost(code);
    };
    this.watch();
  }

  private receive(data: unknown): void {
    try {
      const decoded = this.assembler.take(data);
      if (decoded !== null) this.deliver(decoded);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (error instanceof ContractVersionError) this.close();
      else this.host.emit({ kind: 'protocol_error', message: error.message });
    }
  }

  private deliver(decoded: Decoded): void {
    switch (decoded.type) {
      case 'runtime_config':
        if (streamIdentity(decoded) !== this.identity) {
          this.close();
          return;
        }
        this.isOpen = true;
        this.socket?.send(JSON.stringify({ type: 'pause' }));
        if (this.asked !== null) this.tell(this.asked);
        break;
      case 'bin': {
        const { update, cells } = decoded;
        // A bin may have been on its way before the pause.
        if (update.history !== true) return;
        this.attempt = 0;
        this.watch();
        this.host.emit({ kind: 'history', update, cells }, [cells.buffer]);
        break;
      }
      case 'history_end':
        if (decoded.from === this.asked?.from && decoded.every === (this.asked.every ?? 1))
          this.asked = null;
        this.watch();
        this.host.emit({ kind: 'history_end', message: decoded });
        break;
      case 'error':
        // Any other is followed by the end of the connection.
        if (decoded.code !== 'bad_history') return;
        this.asked = null;
        this.host.emit({ kind: 'server_error', code: decoded.code, message: decoded.message });
        break;
      case 'stream_end':
      case 'speed':
        break;
    }
  }

  private tell(message: History): void {
    this.socket?.send(JSON.stringify(message));
    this.watch();
  }

  /** It is idle from now on. The timer looks when it goes off: to set one for every bin takes as long as reading it. */
  private watch(): void {
    this.idleSinceMs = performance.now();
    this.idle ??= setTimeout(this.lookAtIdleness, IDLE_MS);
  }

  private readonly lookAtIdleness = (): void => {
    this.idle = undefined;
    const leftMs = this.idleSinceMs + IDLE_MS - performance.now();
    if (leftMs > 0) this.idle = setTimeout(this.lookAtIdleness, leftMs);
    else this.leave();
  };

  private stopWatching(): void {
    clearTimeout(this.idle);
    this.idle = undefined;
  }

  private leave(): void {
    this.stopWatching();
    const { socket } = this;
    this.socket = null;
    this.asked = null;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  private lost(code: number): void {
    this.stopWatching();
    this.socket = null;
    const retryMs = retryDelay(code, this.attempt, this.host.random());
    this.attempt += 1;
    if (retryMs === null) this.isOver = true;
    else if (this.asked !== null) this.openIn(retryMs);
  }
}
