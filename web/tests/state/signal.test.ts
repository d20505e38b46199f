import { describe, expect, it } from 'vitest';

import { History } from '../../src/state/history';
import type { Frame } from '../../src/state/frame';
import { heldBins, promotedOf, sentence, valueText } from '../../src/state/signal';
import type { SignalUpdate } from '../../src/wire/types';

const STAGE: SignalUpdate = {
  name: 'imbalance',
  score: -0.25,
  ready: true,
  sample_count: 240,
  base: 0,
  d1: 0,
  d2: 0,
  d3: 0,
  z1: 0,
  z2: 0,
  z3: 0,
  bull_intensity: 0,
  bear_intensity: 0,
  mixed_intensity: 1,
  dominant_state: 0,
};

const UP: SignalUpdate = {
  ...STAGE,
  kind: 'signed',
  value: 0.62,
  state: 1,
  threshold: 0.5,
  detail: { imbalance: 0.7 },
};

function told(signal: Partial<SignalUpdate>, bins = 18): string {
  return sentence(promotedOf({ ...UP, ...signal }), bins, 100);
}

describe('sentence', () => {
  it('says where the value is and for how long', () => {
    expect(told({})).toBe('imbalance +0.62, above 0.50: bullish for 1.8 s');
    expect(told({ value: -0.7, state: -1 }, 5)).toBe(
      'imbalance −0.70, below −0.50: bearish for 0.5 s',
    );
    expect(told({ value: 0.1, state: 0 })).toBe(
      'imbalance +0.10, between −0.50 and 0.50: neutral for 1.8 s',
    );
    expect(told({}, 601)).toContain('bullish for more than 60.1 s');
  });

  it('reads a probability from a half on', () => {
    const fallen = { name: 'gbm_mf', kind: 'probability', value: 0.31, state: -1, threshold: 0.6 };
    expect(told(fallen as Partial<SignalUpdate>)).toBe(
      'gbm_mf 0.31, below 0.40: bearish for 1.8 s',
    );
    expect(promotedOf({ ...UP, ...(fallen as Partial<SignalUpdate>) }).lean).toBeCloseTo(-0.38);
  });

  it('says that there is nothing to say', () => {
    expect(told({ ready: false })).toBe('imbalance is warming up');
    expect(told({ value: null, state: 0 })).toBe('imbalance has no value in this bin');
    expect(valueText(promotedOf({ ...UP, value: null }), 3)).toBe('–');
  });
});

describe('promotedOf', () => {
  it('takes the derivative stage of a server that sends no promoted signal', () => {
    const promoted = promotedOf(STAGE);
    expect(promoted).toMatchObject({ value: -0.25, lean: -0.25, threshold: null, detail: [] });
    expect(sentence(promoted, 3, 100)).toBe('imbalance −0.25');
  });

  it('keeps the lean in the meter', () => {
    expect(promotedOf({ ...UP, value: 7 }).lean).toBe(1);
    expect(promotedOf({ ...UP, value: -7 }).lean).toBe(-1);
  });
});

describe('heldBins', () => {
  function historyOf(states: number[]): History {
    const history = new History(1000);
    states.forEach((state, seq) => {
      history.push({ seq, update: { signal: { ...UP, state } } } as unknown as Frame);
    });
    return history;
  }

  it('counts back to the last change', () => {
    expect(heldBins(historyOf([0, 1, 0, 1, 1, 1]))).toBe(3);
    expect(heldBins(historyOf([1, 1]))).toBe(2);
    expect(heldBins(historyOf([0]))).toBe(1);
  });

  it('looks back so far and no farther', () => {
    expect(heldBins(historyOf(Array.from({ length: 900 }, () => 1)))).toBe(601);
  });
});
