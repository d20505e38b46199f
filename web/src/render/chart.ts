import { drawCrosshair, drawMidTag, drawPriceAxis, drawTimeAxis } from './axes';
import { drawBestPrices, drawTrades, drawVwap } from './book';
import { Brush } from './brush';
import { drawDelta } from './deltaplot';
import { drawLadder } from './ladder';
import type { Scene } from './scene';
import { drawSignal } from './signalplot';

/** Draws everything that lies over the heatmap's cells, and the signal plot and axes beside them. */
export function drawChart(context: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, history } = scene;
  const brush = new Brush(context, layout.ratio, layout.textScale);
  context.clearRect(0, 0, layout.width, layout.height);
  drawSignal(brush, scene);
  drawDelta(brush, scene);
  drawPriceAxis(brush, scene);
  drawTimeAxis(brush, scene);
  drawLadder(brush, scene);
  drawVwap(brush, scene);
  drawBestPrices(brush, scene);
  drawTrades(brush, scene);
  const { newest } = history;
  if (newest !== undefined) drawMidTag(brush, scene, newest);
  drawCrosshair(brush, scene);
}
