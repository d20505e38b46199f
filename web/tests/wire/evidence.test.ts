import { describe, expect, it } from 'vitest';

import { parseEvidence, reportUrl } from '../../src/wire/evidence';

const ROW = {
  threshold: 0.5,
  confirm: { n_signals: 6, tp_rate: 0.5, tp_rate_low: 0.19, tp_rate_high: 0.81, net_pnl_ticks: 2 },
  p_corrected: 0.009,
  n_trials: 14,
  verdict: 'unproven',
  doubt: 'too few trades',
};

describe('parseEvidence', () => {
  it('reads the threshold that is served, of all there are', () => {
    const others = [0.1, 0.9].map((threshold) => ({ ...ROW, threshold, confirm: {} }));
    const [before, after] = others;
    expect(parseEvidence({ thresholds: [before, ROW, after] }, 0.5)).toEqual({
      signals: 6,
      rate: 0.5,
      rateLow: 0.19,
      rateHigh: 0.81,
      netTicks: 2,
      pCorrected: 0.009,
      trials: 14,
      verdict: 'unproven',
      doubt: 'too few trades',
    });
  });

  it('says nothing of another threshold, or of what it cannot read', () => {
    expect(parseEvidence({ thresholds: [ROW] }, 0.4)).toBeNull();
    for (const body of [
      null,
      'text',
      {},
      { thresholds: [] },
      { thresholds: [{ threshold: 0.5 }] },
    ]) {
      expect(parseEvidence(body, 0.5)).toBeNull();
    }
  });
});

describe('reportUrl', () => {
  it('leads to the run on the research page, at its threshold', () => {
    expect(reportUrl('a&b', 0.25)).toBe('./experiments.html?view=run&run=a%26b&threshold=0.25');
  });
});
