/** A rectangle in device pixels; left and top inclusive, right and bottom exclusive. */
export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Where the parts of the chart are, in device pixels of the chart's canvas. */
export interface ChartLayout {
  width: number;
  height: number;
  /** Device pixels per CSS pixel. */
  ratio: number;
  /** Size of text against its normal size; large screens have larger text. */
  textScale: number;
  heat: Rect;
  /** Volume and depth by price, beside the map; empty where the chart is narrow. */
  ladder: Rect;
  priceAxis: Rect;
  /** Volume delta, between map and signal; empty where the chart is low. */
  delta: Rect;
  signal: Rect;
  signalAxis: Rect;
  /** How late bins came, below the signal; empty where the chart is low. */
  lateness: Rect;
  timeAxis: Rect;
}

const PRICE_AXIS_WIDTH = 84;
const TIME_AXIS_HEIGHT = 26;
const GAP = 8;
const LADDER = { width: 132, from: 640, wide: 192, wideFrom: 860 };
const DELTA = { height: 56, from: 400 };
const LATENESS = { height: 30, from: 440 };
const SIGNAL_SHARE = 0.18;
const SIGNAL_HEIGHT = { least: 64, most: 200 };

/** Divides a chart of `width` x `height` CSS px. Every part has whole device pixels and is never negative. */
export function chartLayout(
  width: number,
  height: number,
  ratio: number,
  textScale = 1,
): ChartLayout {
  const px = (css: number): number => Math.round(css * ratio);
  const full = { width: Math.max(px(width), 1), height: Math.max(px(height), 1) };
  const axisLeft = Math.max(full.width - px(PRICE_AXIS_WIDTH * textScale), 1);
  const ladderCss =
    width >= LADDER.wideFrom * textScale
      ? LADDER.wide
      : width >= LADDER.from * textScale
        ? LADDER.width
        : 0;
  const ladderWidth = px(ladderCss * textScale);
  const plotRight = Math.max(axisLeft - ladderWidth, 1);
  const wanted = Math.min(Math.max(height * SIGNAL_SHARE, SIGNAL_HEIGHT.least), SIGNAL_HEIGHT.most);
  const timeTop = Math.max(full.height - px(TIME_AXIS_HEIGHT * textScale), 0);
  const latenessHeight = height >= LATENESS.from * textScale ? px(LATENESS.height * textScale) : 0;
  const latenessTop = Math.max(timeTop - latenessHeight, 0);
  const signalTop = Math.max(latenessTop - px(wanted), 0);
  const deltaHeight = height >= DELTA.from * textScale ? px(DELTA.height * textScale) : 0;
  const deltaTop = Math.max(signalTop - deltaHeight, 0);
  const heatBottom = Math.max(deltaTop - px(GAP), 0);
  const column = { left: 0, right: plotRight };
  const axis = { left: axisLeft, right: full.width };
  return {
    ...full,
    ratio,
    textScale,
    heat: { ...column, top: 0, bottom: heatBottom },
    ladder: { left: plotRight, right: axisLeft, top: 0, bottom: heatBottom },
    delta: { ...column, top: deltaTop, bottom: signalTop },
    priceAxis: { ...axis, top: 0, bottom: heatBottom },
    signal: { ...column, top: signalTop, bottom: latenessTop },
    signalAxis: { ...axis, top: signalTop, bottom: latenessTop },
    lateness: { ...column, top: latenessTop, bottom: timeTop },
    timeAxis: { left: 0, right: full.width, top: timeTop, bottom: full.height },
  };
}

export function widthOf(rect: Rect): number {
  return Math.max(rect.right - rect.left, 0);
}

export function heightOf(rect: Rect): number {
  return Math.max(rect.bottom - rect.top, 0);
}
