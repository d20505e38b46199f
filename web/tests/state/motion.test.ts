import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { arrivalInterval, centreTarget, glideCentre, glideEdge } from '../../src/state/motion';

describe('glideEdge', () => {
  it('moves forward only, never past the target', () => {
    const lag = fc.double({ min: 0, max: 200, noNaN: true });
    const dt = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(lag, dt, (behind, dtMs) => {
        const edge = glideEdge(100, 100 + behind, 100, dtMs);
        expect(edge).toBeGreaterThanOrEqual(100);
        expect(edge).toBeLessThanOrEqual(100 + behind);
      }),
    );
  });

  it('keeps an even pace with regular bins', () => {
    let edge = 0;
    const steps: number[] = [];
    for (let ms = 0; ms < 5000; ms += 20) {
      const next = glideEdge(edge, Math.floor(ms / 100) + 1, 100, 20);
      steps.push(next - edge);
      edge = next;
    }
    const settled = steps.slice(100);
    expect(Math.min(...settled)).toBeGreaterThan(0.1);
    expect(Math.max(...settled)).toBeLessThan(0.3);
  });

  it('jumps when far behind, and when the stream went back', () => {
    expect(glideEdge(0, 500, 100, 16)).toBe(500);
    expect(glideEdge(500, 3, 100, 16)).toBe(3);
  });
});

describe('arrivalInterval', () => {
  it('settles on the rate of the bins and ignores a pause', () => {
    let mean = 100;
    for (let i = 0; i < 200; i += 1) mean = arrivalInterval(mean, 25);
    expect(mean).toBeCloseTo(25, 3);
    expect(arrivalInterval(mean, 60_000)).toBe(mean);
  });
});

describe('centre', () => {
  it('stays while spot is near, and moves to it once it is not', () => {
    expect(centreTarget(0, 5, 40)).toBe(0);
    expect(centreTarget(0, 6, 40)).toBe(6);
    expect(centreTarget(NaN, 9, 40)).toBe(9);
    expect(centreTarget(3, NaN, 40)).toBe(3);
  });

  it('glides there and stops, jumping over more than the view', () => {
    let centre = 0;
    for (let i = 0; i < 200; i += 1) centre = glideCentre(centre, 6, 40, 16);
    expect(centre).toBe(6);
    expect(glideCentre(0, 500, 40, 16)).toBe(500);
    expect(glideCentre(NaN, 5, 40, 16)).toBe(5);
  });
});
