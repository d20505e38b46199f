/** Colours of what is drawn on canvases; those of the page around it are in style.css. */
export const PALETTE = {
  /** Behind everything: no data here. */
  ground: '#0a0d12',
  /** A cell whose value is zero: just off the ground, so that the window's edge can be seen. */
  neutral: '#131922',
  gridline: 'rgba(196, 210, 230, 0.07)',
  axisLine: 'rgba(196, 210, 230, 0.16)',
  axisText: '#93a1b5',
  text: '#e4eaf2',
  /** Marks and lines of buyers and of sellers: 3:1 in contrast to each other and to their halo, on any cell. */
  buy: '#2573d8',
  sell: '#ffcf9a',
  halo: '#06080c',
  vwap: '#f2e9a0',
  /** Bars behind numbers: buyers and sellers, without the strength of marks. */
  buyBar: 'rgba(74, 155, 255, 0.45)',
  sellBar: 'rgba(242, 162, 90, 0.45)',
  crosshair: 'rgba(228, 234, 242, 0.5)',
  tag: '#2a3444',
  bull: '#4a9bff',
  bear: '#f2a25a',
  score: '#e4eaf2',
  invalid: '#e9b949',
} as const;
