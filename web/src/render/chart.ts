import { overlaysText } from '../state/live/overlays';
import { viewKey } from '../state/viewport';
import {
  drawColumnName,
  drawCrosshair,
  drawMidTag,
  drawPriceAxis,
  drawPriceLines,
  drawTimeAxis,
} from './axes';
import { drawBestPrices, drawMid, drawTrades, drawVwap } from './book';
import { Brush } from './brush';
import { drawDelta, drawDeltaAxis } from './deltaplot';
import { drawLadder } from './ladder';
import { drawLateness, drawLatenessAxis } from './latenessplot';
import { drawMarks } from './marks';
import { drawMeasured } from './measureplot';
import type { Scene } from './scene';
import { drawRibbon, drawSignal, drawSignalAxis, mapFoot } from './signalplot';

/** A part of the chart that lies on a canvas of its own. */
interface Layer {
  /** The layer is drawn again when this is another. */
  key: (scene: Scene) => string;
  /** What it has to agree on with the map. While that stays, a frame that has much to do may leave the layer to the next. */
  place?: (scene: Scene) => string;
  draw: (brush: Brush, scene: Scene) => void;
}

/** Lower ones first: plots with their lines, what stands beside the map, and what goes with the pointer. */
const LAYERS = [
  {
    key: ({ view, history, overlays, session }: Scene) =>
      `${viewKey(view)} ${history.revision} ${overlaysText(overlays)} ${session.lateness.revision}`,
    draw: (brush, scene) => {
      drawSignal(brush, scene);
      drawDelta(brush, scene);
      drawLateness(brush, scene);
      drawPriceLines(brush, scene);
      drawTimeAxis(brush, scene);
      const { overlays } = scene;
      if (overlays.vwap) drawVwap(brush, scene);
      if (overlays.mid) drawMid(brush, scene);
      if (overlays.quotes) drawBestPrices(brush, scene);
      if (overlays.ribbon) drawRibbon(brush, scene, mapFoot(brush, scene));
      if (overlays.trades) drawTrades(brush, scene);
      drawMarks(brush, scene);
      drawColumnName(brush, scene);
    },
  },
  {
    key: ({ view, history, newest, hovered, pointer, session, live }: Scene) =>
      `${viewKey({ ...view, edge: Math.ceil(view.edge) })} ${history.revision} ${session.profile.revision} ${newest?.seq ?? ''} ${hovered?.cell ?? ''} ${pointer !== null && pointer.y < view.heat.bottom} ${live}`,
    place: ({ view, hovered, pointer }) =>
      `${viewKey({ ...view, edge: 0 })} ${hovered?.cell ?? ''} ${pointer === null}`,
    draw: (brush, scene) => {
      drawPriceAxis(brush, scene);
      drawSignalAxis(brush, scene);
      drawDeltaAxis(brush, scene);
      drawLatenessAxis(brush, scene);
      drawLadder(brush, scene);
      const { newest } = scene;
      if (newest !== undefined) drawMidTag(brush, scene, newest);
    },
  },
  {
    key: ({ view, hovered, pointer, measured }: Scene) => {
      const crosshair =
        hovered === null || pointer === null
          ? ''
          : `${viewKey(view)} ${hovered.seq} ${hovered.cell} ${pointer.y}`;
      return measured === null
        ? crosshair
        : `${crosshair} ${viewKey(view)} ${Object.values(measured.area).join(' ')}`;
    },
    draw: (brush, scene) => {
      drawCrosshair(brush, scene);
      drawMeasured(brush, scene);
    },
  },
] as const satisfies readonly Layer[];

/** How long a layer may be left to a later frame, ms: less than is seen, and than a bin lasts. */
const PATIENCE_MS = 50;

/** When a frame is, and whether it has more to do than to draw the chart. */
export interface Moment {
  nowMs: number;
  busy: boolean;
}

/** How many canvases a {@link Chart} needs. */
export const LAYER_COUNT = LAYERS.length;

/** Draws everything that lies over the heatmap's cells, and what is beside and below them, each part when it changed. */
export class Chart {
  private readonly shown: string[] = [];
  private of: { history: Scene['history']; layout: Scene['layout'] } | null = null;
  private readonly places: string[] = [];
  /** What the history held in the last frame. */
  private revision = -1;
  /** Since when a layer has been left to a later frame, ms. */
  private waitingSinceMs: number | null = null;

  /** @param contexts one for each layer, lower ones first. */
  constructor(private readonly contexts: readonly CanvasRenderingContext2D[]) {}

  /** Whether a layer was left to a later frame. */
  get owes(): boolean {
    return this.waitingSinceMs !== null;
  }

  /** Has every layer drawn again, whatever has changed. */
  invalidate(): void {
    this.of = null;
  }

  /** @param frame when it is, and how much there is to do; without it all is drawn at once. */
  draw(scene: Scene, frame: Moment | null = null): void {
    const { layout, history } = scene;
    if (this.of?.history !== history || this.of.layout !== layout) this.shown.length = 0;
    this.of = { history, layout };
    // A bin that came is work for the map and its lines.
    const waits = frame !== null && (frame.busy || history.revision !== this.revision);
    this.revision = history.revision;
    const sinceMs = this.waitingSinceMs;
    this.waitingSinceMs = null;
    LAYERS.forEach(({ key, place, draw }: Layer, index) => {
      const wanted = key(scene);
      const context = this.contexts[index];
      if (context === undefined || this.shown[index] === wanted) return;
      if (place !== undefined) {
        const lies = place(scene);
        const stays = this.shown[index] !== undefined && this.places[index] === lies;
        if (waits && stays && frame.nowMs - (sinceMs ?? frame.nowMs) < PATIENCE_MS) {
          this.waitingSinceMs = sinceMs ?? frame.nowMs;
          return;
        }
        this.places[index] = lies;
      }
      this.shown[index] = wanted;
      context.clearRect(0, 0, layout.width, layout.height);
      draw(new Brush(context, layout.ratio, layout.textScale), scene);
    });
  }
}
