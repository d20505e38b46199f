import { describe, expect, it } from 'vitest';

import {
  INITIAL_SESSION,
  reduceSession,
  type SessionAction,
  type SessionState,
} from '../../src/state/session';
import type { WorkerEvent } from '../../src/wire/protocol';
import { LAYOUT, marketBins, pack } from '../support/bins';
import { RUNTIME_CONFIG } from '../support/market';

const [BIN] = marketBins(1);
if (BIN === undefined) throw new Error('the market gave no bin');
const CONFIG: WorkerEvent = {
  kind: 'config',
  message: RUNTIME_CONFIG,
  columns: LAYOUT.columns,
};
const BIN_EVENT: WorkerEvent = { kind: 'bin', update: BIN.update, cells: pack(BIN) };

function after(...actions: (SessionAction | WorkerEvent)[]): SessionState {
  return actions.reduce<SessionState>((state, action) => {
    const wrapped = isAction(action)
      ? action
      : { kind: 'wire' as const, event: action, nowMs: 1000 };
    return reduceSession(state, wrapped);
  }, INITIAL_SESSION);
}

function isAction(action: SessionAction | WorkerEvent): action is SessionAction {
  return ['offer', 'choose', 'pause', 'resume', 'dismiss', 'wire'].includes(action.kind);
}

const CHOOSE: SessionAction = { kind: 'choose', serving: 'demo' };

describe('reduceSession', () => {
  it('goes from choosing to streaming', () => {
    const choices = [{ name: 'demo', servingId: null }];
    const offer: SessionAction = { kind: 'offer', choices };
    expect(after(offer).phase).toBe('choosing');
    expect(after(offer, CHOOSE)).toMatchObject({ phase: 'connecting', serving: 'demo', choices });
    expect(after(CHOOSE, offer).phase).toBe('connecting');
    expect(after(CHOOSE, CONFIG).phase).toBe('waiting');
    expect(after(CHOOSE, CONFIG, BIN_EVENT).phase).toBe('streaming');
  });

  it('says so when the page and the server do not fit together, and stays there', () => {
    const message = 'The server speaks version "2.0"';
    const state = after(CHOOSE, { kind: 'incompatible', message });
    expect(state).toMatchObject({ phase: 'refused', retryAtMs: null });
    expect(state.notice).toEqual({ title: 'This page does not fit the server', detail: message });
  });

  it('counts bins, those left out, and those with a book that is not valid', () => {
    const update = { ...BIN.update, skipped_bins: 4, book_valid: false };
    const state = after(CHOOSE, CONFIG, BIN_EVENT, { ...BIN_EVENT, update });
    expect(state.counters).toEqual({ received: 2, skipped: 4, invalid: 1, unreadable: 0 });
  });

  it('keeps the reason of a refusal in plain words', () => {
    const state = after(
      CHOOSE,
      { kind: 'server_error', code: 'unknown_serving', message: 'no serving demo' },
      { kind: 'closed', code: 1008, reason: '', retryMs: null },
    );
    expect(state.phase).toBe('refused');
    expect(state.notice).toEqual({
      title: 'There is no such serving',
      detail: 'no serving demo',
    });
  });

  it('waits to connect again, and clears the notice once it is', () => {
    const closed: WorkerEvent = { kind: 'closed', code: 1006, reason: '', retryMs: 500 };
    const state = after(CHOOSE, CONFIG, BIN_EVENT, closed);
    expect(state).toMatchObject({ phase: 'retrying', retryAtMs: 1500 });
    expect(state.notice?.title).toBe('Connection lost');
    expect(after(CHOOSE, CONFIG, closed, CONFIG).notice).toBeNull();
  });

  it('ends calmly', () => {
    const closed: WorkerEvent = { kind: 'closed', code: 1000, reason: '', retryMs: null };
    const state = after(CHOOSE, CONFIG, BIN_EVENT, { kind: 'ended', bins: 1 }, closed);
    expect(state).toMatchObject({ phase: 'ended', notice: null });
  });

  it('says when the alias has moved', () => {
    const serving = { ...RUNTIME_CONFIG.serving, serving_id: 'srv_2' };
    const moved: WorkerEvent = {
      kind: 'config',
      message: { ...RUNTIME_CONFIG, serving },
      columns: LAYOUT.columns,
    };
    expect(after(CHOOSE, CONFIG, moved).notice?.detail).toBe('demo is now srv_2.');
  });

  it('starts afresh on another serving, but keeps the offer', () => {
    const state = after(CHOOSE, CONFIG, BIN_EVENT, { kind: 'pause' }, { ...CHOOSE, serving: 'b' });
    expect(state).toEqual({ ...INITIAL_SESSION, serving: 'b' });
  });

  it('counts unreadable messages and shows the first', () => {
    const state = after(
      { kind: 'protocol_error', message: 'first' },
      { kind: 'protocol_error', message: 'second' },
    );
    expect(state.counters.unreadable).toBe(2);
    expect(state.notice?.detail).toBe('first');
    expect(reduceSession(state, { kind: 'dismiss' }).notice).toBeNull();
  });
});
