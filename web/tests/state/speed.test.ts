import { describe, expect, it } from 'vitest';

import { SPEEDS, stepSpeed } from '../../src/state/speed';
import { PLAY_SPEED } from '../../src/wire/generated/facts';

describe('SPEEDS', () => {
  it('goes from the slowest to the fastest that the server plays', () => {
    expect(SPEEDS.at(0)).toBe(PLAY_SPEED.least);
    expect(SPEEDS.at(-1)).toBe(PLAY_SPEED.most);
    expect(SPEEDS.toSorted((a, b) => a - b)).toEqual(SPEEDS);
  });

  it('has a next one, and none beyond its ends', () => {
    expect(stepSpeed(1, 1)).toBe(2);
    expect(stepSpeed(PLAY_SPEED.most, 1)).toBe(PLAY_SPEED.most);
    expect(stepSpeed(PLAY_SPEED.least, -1)).toBe(PLAY_SPEED.least);
  });
});
