import type { ServingChoice } from '../wire/servings';
import type { WorkerEvent } from '../wire/protocol';
import type { RuntimeConfigMessage } from '../wire/types';
import { closeNotice, moveNotice, serverNotice, type Notice } from './notices';

/** Where the connection stands. */
export type Phase =
  | 'choosing'
  | 'connecting'
  /** Connected, no bin yet. */
  | 'waiting'
  | 'streaming'
  | 'ended'
  /** Lost; connecting again at `retryAtMs`. */
  | 'retrying'
  /** Refused: connecting again is no use until something changes. */
  | 'refused';

export interface Counters {
  received: number;
  /** Bins the server left out because this page was slow. */
  skipped: number;
  /** Bins received whose book was not valid. */
  invalid: number;
  /** Messages that could not be read. */
  unreadable: number;
}

export interface SessionState {
  phase: Phase;
  /** The serving asked for: what is in the address. */
  serving: string | null;
  choices: readonly ServingChoice[];
  config: RuntimeConfigMessage | null;
  paused: boolean;
  counters: Counters;
  notice: Notice | null;
  /** Page clock (ms) of the next attempt to connect. */
  retryAtMs: number | null;
  /** Page clock (ms) at which the last bin came. */
  lastBinAtMs: number | null;
  /** Page clock (ms) at which the last bin with a valid book came. */
  lastValidAtMs: number | null;
}

export type SessionAction =
  | { kind: 'offer'; choices: readonly ServingChoice[] }
  | { kind: 'choose'; serving: string }
  | { kind: 'pause' }
  | { kind: 'resume' }
  | { kind: 'dismiss' }
  | { kind: 'wire'; event: WorkerEvent; nowMs: number };

const NO_COUNTS: Counters = { received: 0, skipped: 0, invalid: 0, unreadable: 0 };

export const INITIAL_SESSION: SessionState = {
  phase: 'connecting',
  serving: null,
  choices: [],
  config: null,
  paused: false,
  counters: NO_COUNTS,
  notice: null,
  retryAtMs: null,
  lastBinAtMs: null,
  lastValidAtMs: null,
};

/** The session after an action. */
export function reduceSession(state: SessionState, action: SessionAction): SessionState {
  switch (action.kind) {
    case 'offer':
      return { ...state, choices: action.choices, phase: state.serving ? state.phase : 'choosing' };
    case 'choose':
      return { ...INITIAL_SESSION, choices: state.choices, serving: action.serving };
    case 'pause':
      return { ...state, paused: true };
    case 'resume':
      return { ...state, paused: false };
    case 'dismiss':
      return { ...state, notice: null };
    case 'wire':
      return reduceWire(state, action.event, action.nowMs);
  }
}

function reduceWire(state: SessionState, event: WorkerEvent, nowMs: number): SessionState {
  switch (event.kind) {
    case 'connecting':
      return { ...state, phase: 'connecting', retryAtMs: null };
    case 'config':
      return {
        ...state,
        phase: 'waiting',
        config: event.message,
        notice: moveNotice(state.config, event.message),
      };
    case 'bin':
      return {
        ...state,
        phase: 'streaming',
        lastBinAtMs: nowMs,
        lastValidAtMs: event.update.book_valid ? nowMs : state.lastValidAtMs,
        counters: {
          ...state.counters,
          received: state.counters.received + 1,
          skipped: state.counters.skipped + event.update.skipped_bins,
          invalid: state.counters.invalid + (event.update.book_valid ? 0 : 1),
        },
      };
    case 'history':
    case 'history_end':
    case 'speed':
      return state;
    case 'ended':
      return { ...state, phase: 'ended' };
    case 'server_error':
      // The page asked for more than there is; nobody has to know.
      if (event.code === 'bad_history') return state;
      return { ...state, notice: serverNotice(event.code, event.message) };
    case 'protocol_error': {
      const unreadable = state.counters.unreadable + 1;
      return {
        ...state,
        counters: { ...state.counters, unreadable },
        notice: state.notice ?? {
          title: 'A message of the server could not be read',
          detail: event.message,
        },
      };
    }
    case 'incompatible':
      return {
        ...state,
        phase: 'refused',
        notice: { title: 'This page does not fit the server', detail: event.message },
      };
    case 'closed':
      return reduceClosed(state, event, nowMs);
  }
}

function reduceClosed(
  state: SessionState,
  event: Extract<WorkerEvent, { kind: 'closed' }>,
  nowMs: number,
): SessionState {
  if (event.retryMs !== null) {
    return {
      ...state,
      phase: 'retrying',
      retryAtMs: nowMs + event.retryMs,
      notice: state.notice ?? closeNotice(event.code),
    };
  }
  if (state.phase === 'ended') return state;
  if (event.code === 1000) return { ...state, phase: 'ended' };
  return {
    ...state,
    phase: 'refused',
    notice: state.notice ?? closeNotice(event.code),
  };
}
