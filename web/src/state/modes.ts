/** What the colours of the map stand for. */
export type ModeId = 'flow' | 'force' | 'depth' | 'state';

export type ColourKind = 'diverging' | 'sequential' | 'states';

export interface Mode {
  id: ModeId;
  label: string;
  /** What it shows, in one line. */
  hint: string;
  kind: ColourKind;
  /** Largest magnitude, or null when the range follows the data. */
  range: number | null;
  /** Whether colour grows with the square root, which keeps small values visible beside large ones. */
  root: boolean;
  /** What the low and the high end of the legend stand for. */
  ends: [string, string];
}

/** In the order of the buttons and the keys 1 to 4; the position is also the texture's channel. */
export const MODES: readonly Mode[] = [
  {
    id: 'flow',
    label: 'Flow score',
    hint: 'Signed flow score of each cell, -1 to +1',
    kind: 'diverging',
    range: 1,
    root: false,
    ends: ['vacuum', 'pressure'],
  },
  {
    id: 'force',
    label: 'Pressure − vacuum',
    hint: 'Pressure minus vacuum of each cell, square-root colour scale',
    kind: 'diverging',
    range: null,
    root: true,
    ends: ['vacuum', 'pressure'],
  },
  {
    id: 'depth',
    label: 'Depth',
    hint: 'Displayed quantity resting in each cell, square-root colour scale',
    kind: 'sequential',
    range: null,
    root: true,
    ends: ['thin', 'deep'],
  },
  {
    id: 'state',
    label: 'State',
    hint: 'Five-state code of each cell',
    kind: 'states',
    range: 2,
    root: false,
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
