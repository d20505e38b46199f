/** All colours, of canvases and of the page around them; `npm run palette` writes them into `ui/styles/palette.css`. */

export type Theme = 'dark' | 'light';

/**
 * Colours of the page around the chart, by the name of their CSS variable. Those of series are of what has no side: no
 * hue of buyers, sellers, pressure or vacuum.
 */
export const PAGE = {
  dark: {
    ground: '#0a0d12',
    surface: '#10151d',
    raised: '#1a212c',
    line: '#222b38',
    'line-strong': '#3a475a',
    text: '#e4eaf2',
    muted: '#93a1b5',
    bull: '#4a9bff',
    bear: '#f2a25a',
    bid: '#7fb8ff',
    ask: '#ffb066',
    pressure: '#68b978',
    vacuum: '#b98ade',
    'series-0': '#e4eaf2',
    'series-1': '#cf5f97',
    'series-2': '#e6cf55',
    good: '#4fd17a',
    'good-ground': '#123329',
    'good-text': '#7fe0ae',
    warn: '#e9b949',
    'warn-ground': '#3a2f10',
    'warn-text': '#ffdf8f',
    bad: '#ff7d7d',
    focus: '#9cc8ff',
    primary: '#27415f',
    'primary-line': '#35557b',
    glow: '#111823',
    veil: '#04060999',
    shadow: '#00000073',
  },
  light: {
    ground: '#f6f8fb',
    surface: '#ffffff',
    raised: '#e8edf4',
    line: '#cdd6e2',
    'line-strong': '#8494a8',
    text: '#131a24',
    muted: '#4a586b',
    bull: '#1a5fc0',
    bear: '#9c4a0b',
    bid: '#1a5fc0',
    ask: '#9c4a0b',
    pressure: '#2c7a45',
    vacuum: '#7c4aa8',
    'series-0': '#131a24',
    'series-1': '#b0286a',
    'series-2': '#6b5c00',
    good: '#1b7f45',
    'good-ground': '#d5f2e0',
    'good-text': '#0d5a33',
    warn: '#865800',
    'warn-ground': '#fbeecb',
    'warn-text': '#5e3e00',
    bad: '#b3261e',
    focus: '#1a5fc0',
    primary: '#c9ddf6',
    'primary-line': '#7fa6d8',
    glow: '#ffffff',
    veil: '#2a344466',
    shadow: '#1b263833',
  },
} as const satisfies Record<Theme, Record<string, string>>;

/** What canvases are drawn with. */
export interface Palette {
  theme: Theme;
  /** Behind everything: no data here. */
  ground: string;
  /** A cell whose value is zero: just off the ground, so that the window's edge can be seen. */
  neutral: string;
  gridline: string;
  axisLine: string;
  axisText: string;
  text: string;
  /** Marks and lines of buyers and of sellers: 3:1 in contrast to each other and to their halo, on any cell. */
  buy: string;
  sell: string;
  halo: string;
  vwap: string;
  /** Bars behind numbers: buyers and sellers, without the strength of marks. */
  buyBar: string;
  sellBar: string;
  crosshair: string;
  tag: string;
  bull: string;
  bear: string;
  score: string;
  invalid: string;
  /**
   * Anchors of the colours of cells, from the low to the high end: vacuum is purple and pressure green, sellers are orange
   * and buyers blue. Lightness moves steadily away from that of the neutral colour.
   */
  forces: readonly string[];
  sides: readonly string[];
  states: readonly string[];
}

const DARK_NEUTRAL = '#131922';
const LIGHT_NEUTRAL = '#eaeef4';

export const THEMES: Record<Theme, Palette> = {
  dark: {
    theme: 'dark',
    ground: PAGE.dark.ground,
    neutral: DARK_NEUTRAL,
    gridline: 'rgba(196, 210, 230, 0.07)',
    axisLine: 'rgba(196, 210, 230, 0.16)',
    axisText: PAGE.dark.muted,
    text: PAGE.dark.text,
    buy: '#2573d8',
    sell: '#ffcf9a',
    halo: '#06080c',
    vwap: '#f2e9a0',
    buyBar: 'rgba(74, 155, 255, 0.45)',
    sellBar: 'rgba(242, 162, 90, 0.45)',
    crosshair: 'rgba(228, 234, 242, 0.5)',
    tag: '#2a3444',
    bull: PAGE.dark.bull,
    bear: PAGE.dark.bear,
    score: PAGE.dark.text,
    invalid: PAGE.dark.warn,
    forces: [
      '#f3dcff',
      '#b98ade',
      '#7c4aa8',
      '#3d2456',
      DARK_NEUTRAL,
      '#17402a',
      '#2c7a45',
      '#68b978',
      '#d5f5d8',
    ],
    sides: [
      '#ffe3c2',
      '#e08f45',
      '#96511f',
      '#45291a',
      DARK_NEUTRAL,
      '#142f55',
      '#2560a8',
      '#64a4ea',
      '#d8ebff',
    ],
    states: [PAGE.dark.bear, '#8a5527', '#1d2531', '#24568f', PAGE.dark.bull],
  },
  light: {
    theme: 'light',
    ground: PAGE.light.ground,
    neutral: LIGHT_NEUTRAL,
    gridline: 'rgba(30, 45, 70, 0.08)',
    axisLine: 'rgba(30, 45, 70, 0.22)',
    axisText: PAGE.light.muted,
    text: PAGE.light.text,
    buy: '#0b2f73',
    sell: '#c8701f',
    halo: '#ffffff',
    vwap: '#6b5c00',
    buyBar: 'rgba(26, 95, 192, 0.32)',
    sellBar: 'rgba(200, 112, 31, 0.4)',
    crosshair: 'rgba(19, 26, 36, 0.55)',
    tag: '#d3dce8',
    bull: PAGE.light.bull,
    bear: PAGE.light.bear,
    score: PAGE.light.text,
    invalid: '#b58200',
    forces: [
      '#26103f',
      '#6a379c',
      '#a67bd2',
      '#d3bdea',
      LIGHT_NEUTRAL,
      '#bfe2c7',
      '#6bb27b',
      '#2a7442',
      '#0d2f1a',
    ],
    sides: [
      '#431d03',
      '#8f4a17',
      '#d0843f',
      '#f0cda6',
      LIGHT_NEUTRAL,
      '#bdd7f5',
      '#659fdd',
      '#235ca2',
      '#0a244a',
    ],
    states: ['#b3561a', '#e7b184', '#e2e7ee', '#9dc3f0', '#1f66c4'],
  },
};

/** The colours that are in use. */
export const PALETTE: Palette = { ...THEMES.dark };

/** Has everything drawn in the colours of a theme from now on. */
export function usePalette(theme: Theme): void {
  Object.assign(PALETTE, THEMES[theme]);
}

/** The page's colours as CSS variables, each with its value in the light and in the dark. */
export function paletteCss(): string {
  const lines = Object.entries(PAGE.dark).map(([name, dark]) => {
    const light = PAGE.light[name as keyof typeof PAGE.light];
    return `  --${name}: light-dark(${light}, ${dark});`;
  });
  return `/* Made by \`npm run palette\` from src/render/palette.ts */\n\n:root {\n${lines.join('\n')}\n}\n`;
}
