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
  bid: '#8fd0ff',
  ask: '#ffc0cf',
  halo: 'rgba(6, 8, 12, 0.72)',
  buyTrade: '#d3ecff',
  sellTrade: '#ffd3dd',
  crosshair: 'rgba(228, 234, 242, 0.5)',
  tag: '#2a3444',
  bull: '#35c9c2',
  bear: '#f2894a',
  score: '#e4eaf2',
  invalid: '#e9b949',
} as const;
