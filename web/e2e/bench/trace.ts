/** Script time by animation frame, from a trace of the browser. */

/** A complete event of a trace: times in microseconds, `tdur` that of the processor. */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
}

/** Script time of one frame, ms: by the clock, and of the processor. */
export interface FrameTime {
  wallMs: number;
  processorMs: number;
}

export const CATEGORIES = ['devtools.timeline'];

const FRAME = 'FireAnimationFrame';
/** What runs script of the page. */
const SCRIPT = new Set([
  FRAME,
  'EventDispatch',
  'HandlePostMessage',
  'TimerFire',
  'FireIdleCallback',
]);

/**
 * How many frames there were, and how often in the midst of their script the browser did one of these.
 *
 * @param mark an event of the thread that is looked at: other pages may be in the trace.
 */
export function insideFrames(
  trace: Buffer,
  mark: string,
  names: readonly string[],
): { frames: number; times: number } {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const marked = traceEvents.find(({ name }) => name === mark);
  const own = traceEvents.filter(
    ({ ph, pid, tid }) => ph === 'X' && pid === marked?.pid && tid === marked.tid,
  );
  const frames = own.filter(({ name }) => name === FRAME);
  const within = ({ ts }: TraceEvent): boolean =>
    frames.some((frame) => ts >= frame.ts && ts < frame.ts + (frame.dur ?? 0));
  const done = own.filter(({ name }) => names.includes(name));
  return { frames: frames.length, times: done.filter(within).length };
}

/** For each frame its script time and that of the events since the frame before. */
export function frameTimes(trace: Buffer): FrameTime[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const frame = traceEvents.find(({ name }) => name === FRAME);
  if (frame === undefined) return [];
  const events = traceEvents
    .filter(({ name, ph, pid, tid }) => {
      return ph === 'X' && pid === frame.pid && tid === frame.tid && SCRIPT.has(name);
    })
    .sort((a, b) => a.ts - b.ts);
  const frames: FrameTime[] = [];
  let sum: FrameTime = { wallMs: 0, processorMs: 0 };
  let endTs = -Infinity;
  for (const { name, ts, dur = 0, tdur = 0 } of events) {
    // What lies within another event is counted with it.
    if (ts < endTs) continue;
    endTs = ts + dur;
    sum = { wallMs: sum.wallMs + dur / 1000, processorMs: sum.processorMs + tdur / 1000 };
    if (name !== FRAME) continue;
    frames.push(sum);
    sum = { wallMs: 0, processorMs: 0 };
  }
  return frames;
}
