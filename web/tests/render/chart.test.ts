import { describe, expect, it } from 'vitest';

import { Chart, LAYER_COUNT } from '../../src/render/chart';
import type { Scene } from '../../src/render/scene';
import { History } from '../../src/state/history';
import { chartLayout } from '../../src/state/layout';
import { LatenessLog } from '../../src/state/live/lateness';
import { USUAL_OVERLAYS } from '../../src/state/live/overlays';
import { Profile } from '../../src/state/live/profile';
import { Overview } from '../../src/state/overview';
import { makeViewport } from '../../src/state/viewport';
import { makeFrame } from '../../src/state/frame';
import { GRID, LAYOUT, marketBins, pack } from '../support/bins';

/** Counts how often it is cleared, which begins every drawing; takes every other command. */
function countingContext(): { context: CanvasRenderingContext2D; cleared: () => number } {
  let times = 0;
  const context = new Proxy(
    {},
    {
      get: (_target, name) => {
        if (name === 'clearRect') return () => (times += 1);
        if (name === 'measureText') return () => ({ width: 10 });
        return () => undefined;
      },
      set: () => true,
    },
  );
  return { context: context as unknown as CanvasRenderingContext2D, cleared: () => times };
}

class NoPath {
  moveTo = (): void => undefined;
  lineTo = (): void => undefined;
  closePath = (): void => undefined;
  arc = (): void => undefined;
}
Object.assign(globalThis, { Path2D: NoPath });

describe('Chart', () => {
  const layout = chartLayout(1000, 600, 1);
  const history = new History(64);
  const bins = marketBins(20).map((bin) => makeFrame(bin.update, pack(bin), GRID, LAYOUT.columns));
  for (const frame of bins.slice(0, 19)) history.push(frame);
  const session = {
    history,
    binMs: 100,
    lateness: new LatenessLog(64),
    profile: new Profile(new Overview(36_000), history),
  };
  const scene = (changes: Partial<Scene> = {}): Scene => ({
    layout,
    view: makeViewport(layout, 19, 0, 3, 40),
    history,
    newest: history.newest,
    rows: LAYOUT.rows,
    grid: GRID,
    time: { originMs: 0, binMs: 100 },
    hovered: null,
    overlays: USUAL_OVERLAYS,
    session,
    live: true,
    measured: null,
    pointer: null,
    ...changes,
  });

  it('draws each layer when what it shows has changed, and no other', () => {
    const layers = Array.from({ length: LAYER_COUNT }, countingContext);
    const chart = new Chart(layers.map(({ context }) => context));
    const drawn = (): number[] => layers.map(({ cleared }) => cleared());
    chart.draw(scene());
    chart.draw(scene());
    expect(drawn()).toEqual([1, 1, 1]);
    // Glided by a part of a bin: the ladder stays.
    chart.draw(scene({ view: makeViewport(layout, 18.67, 0, 3, 40) }));
    expect(drawn()).toEqual([2, 1, 1]);
    const hovered = { seq: 4, cell: 2, frame: undefined, reading: null, marks: [] };
    const pointer = { x: 10, y: 10 };
    chart.draw(scene({ view: makeViewport(layout, 18.67, 0, 3, 40), hovered, pointer }));
    expect(drawn()).toEqual([2, 2, 2]);
    const [newest] = bins.slice(-1);
    if (newest !== undefined) history.push(newest);
    chart.draw(scene({ view: makeViewport(layout, 18.67, 0, 3, 40), hovered, pointer }));
    expect(drawn()).toEqual([3, 3, 2]);
    chart.invalidate();
    chart.draw(scene({ view: makeViewport(layout, 18.67, 0, 3, 40), hovered, pointer }));
    expect(drawn()).toEqual([4, 4, 3]);
    chart.draw(
      scene({
        view: makeViewport(layout, 18.67, 0, 3, 40),
        hovered,
        pointer,
        overlays: { ...USUAL_OVERLAYS, marks: false },
      }),
    );
    expect(drawn()).toEqual([5, 4, 3]);
    // What is not live is grey on the axis too.
    const overlays = { ...USUAL_OVERLAYS, marks: false };
    const view = makeViewport(layout, 18.67, 0, 3, 40);
    chart.draw(scene({ view, hovered, pointer, overlays, live: false }));
    expect(drawn()).toEqual([5, 5, 3]);
  });

  it('leaves what stands beside the map to a later frame, while it lies where it did', () => {
    const layers = Array.from({ length: LAYER_COUNT }, countingContext);
    const chart = new Chart(layers.map(({ context }) => context));
    const drawn = (): number[] => layers.map(({ cleared }) => cleared());
    const [older, newer, newest] = bins.slice(-3);
    if (older === undefined || newer === undefined || newest === undefined) throw new Error('bins');
    const own = new History(64);
    own.push(older);
    const at = (centre: number): Partial<Scene> => ({
      history: own,
      newest: own.newest,
      view: makeViewport(layout, 19, centre, 3, 40),
    });
    chart.draw(scene(at(0)), { nowMs: 0, busy: true });
    expect(drawn()).toEqual([1, 1, 1]);
    own.push(newer);
    chart.draw(scene(at(0)), { nowMs: 16, busy: false });
    expect([drawn(), chart.owes]).toEqual([[2, 1, 1], true]);
    chart.draw(scene(at(0)), { nowMs: 33, busy: true });
    expect([drawn(), chart.owes]).toEqual([[2, 1, 1], true]);
    chart.draw(scene(at(0)), { nowMs: 50, busy: false });
    expect([drawn(), chart.owes]).toEqual([[2, 2, 1], false]);
    // Prices that move are drawn with the map, and what has waited long enough is drawn in any frame.
    chart.draw(scene(at(3)), { nowMs: 66, busy: true });
    expect([drawn(), chart.owes]).toEqual([[3, 3, 1], false]);
    own.push(newest);
    chart.draw(scene(at(3)), { nowMs: 83, busy: true });
    chart.draw(scene(at(3)), { nowMs: 140, busy: true });
    expect([drawn(), chart.owes]).toEqual([[4, 4, 1], false]);
  });
});
