/** What the colours of the map stand for. */
export type ModeId = 'depth' | 'force' | 'pressure' | 'vacuum' | 'flow' | 'projection' | 'state';

/** `forces` is vacuum to pressure, `sides` sellers to buyers. */
export type ColourKind = 'forces' | 'sides' | 'states';

/** The negative or the positive half of the colours. */
export type Half = 'low' | 'high';

/** How colour grows with a value: the root and more so the logarithm keep small values visible beside large ones. */
export type Curve = 'linear' | 'root' | 'log';

export interface Mode {
  id: ModeId;
  label: string;
  /** What it shows, in one line. */
  hint: string;
  kind: ColourKind;
  /** Where values have one sign: the half of the colours that they take. */
  half?: Half;
  /** Largest magnitude, or null when the range follows the data. */
  range: number | null;
  curve: Curve;
  /** What the low and the high end of the legend stand for. */
  ends: [string, string];
}

/** In the order of the buttons and the keys from 1 on; the position is also the texture's channel. */
export const MODES: readonly Mode[] = [
  {
    id: 'depth',
    label: 'Depth',
    hint: 'Displayed quantity resting in each cell, bids and asks apart, logarithmic colour scale',
    kind: 'sides',
    range: null,
    curve: 'log',
    ends: ['asks', 'bids'],
  },
  {
    id: 'force',
    label: 'Pressure − vacuum',
    hint: 'Pressure minus vacuum of each cell, square-root colour scale',
    kind: 'forces',
    range: null,
    curve: 'root',
    ends: ['vacuum', 'pressure'],
  },
  {
    id: 'pressure',
    label: 'Pressure',
    hint: 'Pressure of each cell: liquidity that arrives, square-root colour scale',
    kind: 'forces',
    half: 'high',
    range: null,
    curve: 'root',
    ends: ['', 'pressure'],
  },
  {
    id: 'vacuum',
    label: 'Vacuum',
    hint: 'Vacuum of each cell: liquidity that is pulled or taken, square-root colour scale',
    kind: 'forces',
    half: 'low',
    range: null,
    curve: 'root',
    ends: ['vacuum', ''],
  },
  {
    id: 'flow',
    label: 'Flow score',
    hint: 'Signed flow score of each cell, -1 to +1',
    kind: 'forces',
    range: 1,
    curve: 'linear',
    ends: ['vacuum', 'pressure'],
  },
  {
    id: 'projection',
    label: 'Projection',
    hint: 'Flow score of each cell as projected over the longest horizon, -1 to +1',
    kind: 'forces',
    range: 1,
    curve: 'linear',
    ends: ['vacuum', 'pressure'],
  },
  {
    id: 'state',
    label: 'State',
    hint: 'Five-state code of each cell',
    kind: 'states',
    range: 2,
    curve: 'linear',
    ends: ['bear', 'bull'],
  },
];

/** Names of the five-state codes, from -2 to +2. */
export const STATE_NAMES = [
  'Bear vacuum',
  'Bear pressure',
  'Mixed',
  'Bull pressure',
  'Bull vacuum',
];

export function stateName(code: number): string {
  return STATE_NAMES[code + 2] ?? `State ${code}`;
}

export function modeIndex(id: ModeId): number {
  return MODES.findIndex((mode) => mode.id === id);
}

/** The mode with that id. */
export function modeOf(id: ModeId): Mode {
  const mode = MODES[modeIndex(id)];
  if (mode === undefined) throw new RangeError(`there is no colour mode "${id}"`);
  return mode;
}
