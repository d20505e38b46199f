import type { WorkerEvent } from './protocol';

/** The part of a WebSocket that a session uses, so that tests can run it over another implementation. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(): void;
}

/** What a session needs of its surroundings. */
export interface SessionHost {
  open(url: string): Socket;
  /** Events go out in order; `transfer` are buffers the receiver may take over. */
  emit(event: WorkerEvent, transfer?: ArrayBuffer[]): void;
  random(): number;
}
