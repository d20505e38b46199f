import type { ChartLayout } from '../state/layout';
import type { Viewport } from '../state/viewport';
import type { Phase } from '../state/session';

/** What checks from outside can read of the page, as `window.__vp`. */
export interface PageCounters {
  readonly received: number;
  readonly drawn: number;
  /** Most bins that came between one picture and the next. */
  readonly mostAtOnce: number;
  readonly skipped: number;
  readonly invalid: number;
  readonly unreadable: number;
  readonly connected: boolean;
  readonly phase: Phase;
  /** "Live", or why what is shown is not. */
  readonly freshness: string;
  readonly latenessMs: number | null;
  readonly binSeq: number;
  readonly frames: number;
  /** Mean script time of recent frames, ms. */
  readonly frameMs: number;
  readonly renderer: string;
  readonly paused: boolean;
  /** The oldest bin kept. */
  readonly tail: number;
  readonly followsTime: boolean;
  /** As the server told it; null while it has told none. */
  readonly speed: number | null;
  /** Bins in view that are not there. */
  readonly missing: number;
  /** Where the parts of the chart are. */
  readonly layout: ChartLayout;
  /** What part of time and price is shown, in device px of the chart. */
  readonly view: Viewport | null;
  /** Of every chart, in the order in which they stand; all else is of the active one. */
  readonly charts: readonly {
    readonly serving: string | null;
    readonly mode: string;
    readonly drawn: number;
    readonly binSeq: number;
    readonly paused: boolean;
  }[];
}

declare global {
  interface Window {
    readonly __vp: PageCounters;
  }
}

/** Publishes the counters; each read takes a fresh, frozen picture of them. */
export function publishCounters(read: () => PageCounters): void {
  Object.defineProperty(window, '__vp', { get: () => Object.freeze(read()) });
}
