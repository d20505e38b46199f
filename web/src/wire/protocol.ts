import type { ClientMessage, GridUpdate, HistoryEnd, RuntimeConfigMessage } from './types';

/** What the page asks of the worker. */
export type WorkerCommand =
  /** `elsewhere`: the page begins with a seek, and wants no bin before that. */
  | { kind: 'connect'; url: string; elsewhere: boolean }
  | { kind: 'disconnect' }
  /** Connects at once instead of when the wait is over. */
  | { kind: 'retry' }
  | { kind: 'online' }
  | { kind: 'send'; message: ClientMessage };

/** What the worker tells the page. */
export type WorkerEvent =
  | { kind: 'connecting'; attempt: number }
  | { kind: 'config'; message: RuntimeConfigMessage; columns: readonly string[] }
  | { kind: 'bin'; update: GridUpdate; cells: Float64Array<ArrayBuffer> }
  /** A bin that was asked for with `history`. */
  | { kind: 'history'; update: GridUpdate; cells: Float64Array<ArrayBuffer> }
  | { kind: 'history_end'; message: HistoryEnd }
  | { kind: 'speed'; value: number }
  | { kind: 'ended'; bins: number }
  | { kind: 'server_error'; code: string; message: string }
  | { kind: 'protocol_error'; message: string }
  /** The server is of another major version; the connection was given up. */
  | { kind: 'incompatible'; message: string }
  | { kind: 'closed'; code: number; reason: string; retryMs: number | null };
