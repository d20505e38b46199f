import { describe, expect, it } from 'vitest';

import { frameTimes, insideFrames } from '../../e2e/bench/trace';

const PAGE = { ph: 'X', pid: 7, tid: 7 };

function trace(events: object[]): Buffer {
  return Buffer.from(JSON.stringify({ traceEvents: events }));
}

describe('frameTimes', () => {
  it('adds the events since the frame before, and nothing twice', () => {
    const events = [
      { ...PAGE, name: 'FireAnimationFrame', ts: 3000, dur: 1000, tdur: 600 },
      { ...PAGE, name: 'HandlePostMessage', ts: 1000, dur: 500, tdur: 400 },
      // Within the message before it.
      { ...PAGE, name: 'EventDispatch', ts: 1100, dur: 200, tdur: 100 },
      // Of another thread, and of no script.
      { ...PAGE, tid: 9, name: 'EventDispatch', ts: 1600, dur: 200, tdur: 100 },
      { ...PAGE, name: 'Paint', ts: 4500, dur: 200, tdur: 100 },
      { ...PAGE, name: 'FireAnimationFrame', ts: 5000, dur: 100, tdur: 100 },
    ];
    expect(frameTimes(trace(events))).toEqual([
      { wallMs: 1.5, processorMs: 1 },
      { wallMs: 0.1, processorMs: 0.1 },
    ]);
  });

  it('has no frames of a page that drew none', () => {
    expect(frameTimes(trace([{ ...PAGE, name: 'Paint', ts: 1, dur: 1 }]))).toEqual([]);
  });
});

describe('insideFrames', () => {
  it('counts what lies within a frame of the marked thread', () => {
    const events = [
      { ...PAGE, ph: 'R', name: 'here', ts: 1 },
      { ...PAGE, name: 'FireAnimationFrame', ts: 1000, dur: 1000 },
      { ...PAGE, name: 'Layout', ts: 1500, dur: 100 },
      { ...PAGE, name: 'Paint', ts: 1700, dur: 100 },
      { ...PAGE, name: 'Layout', ts: 2000, dur: 100 },
      { ...PAGE, pid: 8, name: 'FireAnimationFrame', ts: 3000, dur: 1000 },
      { ...PAGE, pid: 8, name: 'Layout', ts: 3500, dur: 100 },
    ];
    expect(insideFrames(trace(events), 'here', ['Layout'])).toEqual({ frames: 1, times: 1 });
  });
});
