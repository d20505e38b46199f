import type { Frame } from '../state/frame';
import type { History } from '../state/history';
import type { Hovered } from '../state/inspect';
import type { ChartLayout } from '../state/layout';
import type { PriceGrid } from '../state/price';
import type { TimeBase } from '../state/clock';
import type { Overlays } from '../state/live/overlays';
import type { Stream } from '../state/live/stream';
import type { Measured } from '../state/tools/measure';
import type { Viewport } from '../state/viewport';

/** Everything one picture of the chart is drawn from. */
export interface Scene {
  layout: ChartLayout;
  view: Viewport;
  /** What is shown by the numbers of `view`: bins, or columns of several. */
  history: History;
  /** The newest bin of the stream. */
  newest: Frame | undefined;
  /** Cells of a bin. */
  rows: number;
  grid: PriceGrid;
  /** How the numbers of `history` and times belong together. */
  time: TimeBase;
  hovered: Hovered | null;
  /** What lies over the cells. */
  overlays: Overlays;
  /** The bins of the stream, how late they came, and what was traded since the session's first. */
  session: Pick<Stream, 'history' | 'lateness' | 'profile' | 'binMs'>;
  /** Whether the newest bin is what is. */
  live: boolean;
  /** What the user measures, with its height in ticks from the first corner to the second. */
  measured: { area: Measured; ticks: number } | null;
  /** Pointer in device px of the chart, with what it is over in {@link hovered}. */
  pointer: { x: number; y: number } | null;
}
