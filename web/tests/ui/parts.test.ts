import { describe, expect, it } from 'vitest';

import { Parts, type PagePart } from '../../src/ui/parts';

const FRAME_MS = 1000 / 60;

describe('what is around the charts', () => {
  const first: PagePart = () => undefined;
  const second: PagePart = () => undefined;

  /** What frames draw, in each of which something has changed or bins came. */
  function drawn(parts: Parts, frames: readonly string[], everyMs = FRAME_MS): string[] {
    return frames.map((what, index) => {
      const part = parts.next(index * everyMs, what !== '', what === 'bins');
      return part === undefined ? '' : part === first ? 'first' : 'second';
    });
  }

  it('is drawn a part a frame after a change, and not again without one', () => {
    const parts = new Parts([first, second]);
    expect(drawn(parts, ['change', '', '', ''])).toEqual(['', 'first', 'second', '']);
    expect(parts.owing).toBe(false);
  });

  it('is drawn again when something changed meanwhile', () => {
    const frames = drawn(new Parts([first, second]), ['change', 'change', '', '', '']);
    expect(frames).toEqual(['', 'first', 'second', 'first', 'second']);
  });

  it('leaves a frame to the bins that came', () => {
    const frames = drawn(new Parts([first, second]), ['change', 'bins', '', '', '']);
    expect(frames).toEqual(['', '', 'first', 'second', 'first']);
  });

  it('does not wait for long where bins come in every frame, and not at all where frames are few', () => {
    const bins = Array.from({ length: 7 }, () => 'bins');
    const often = drawn(new Parts([first, second]), bins);
    expect(often).toEqual(['', '', '', 'first', '', '', 'second']);
    const seldom = drawn(new Parts([first, second]), bins.slice(0, 4), 66);
    expect(seldom).toEqual(['', 'first', 'second', 'first']);
  });
});
