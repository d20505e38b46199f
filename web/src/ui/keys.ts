import { MODES, type ModeId } from '../state/modes';

/** What the keyboard, and the buttons, can ask for. */
export type Command =
  | { kind: 'toggle_play' }
  | { kind: 'restart' }
  | { kind: 'latest' }
  | { kind: 'skip'; seconds: number }
  | { kind: 'go_to' }
  | { kind: 'mode'; mode: ModeId }
  | { kind: 'zoom_time'; steps: number }
  | { kind: 'zoom_price'; steps: number }
  /** Moves the view by a share of its width. */
  | { kind: 'pan'; share: number }
  /** Moves the view by a share of its height; positive shows higher prices. */
  | { kind: 'pan_price'; share: number }
  /** Moves the replay by bins, and pauses it. */
  | { kind: 'step'; bins: number }
  /** One step slower or faster. */
  | { kind: 'speed'; steps: number }
  /** Gives the view as a picture, or its bins as a table. */
  | { kind: 'save'; as: 'png' | 'csv' }
  /** Marks the newest bin in view, or takes the mark away. */
  | { kind: 'bookmark' }
  /** Measures no more. */
  | { kind: 'escape' }
  /** The next of light, dark, and as the system. */
  | { kind: 'theme' }
  /** One more chart beside those there are, and one less. */
  | { kind: 'add_chart' }
  | { kind: 'close_chart' }
  | { kind: 'help' };

/** Seconds that the skip buttons move the replay by. */
export const SKIP_SECONDS = 30;
const PAN_SHARE = 0.1;

const KEYS: Readonly<Record<string, Command>> = {
  ' ': { kind: 'toggle_play' },
  r: { kind: 'restart' },
  j: { kind: 'skip', seconds: -SKIP_SECONDS },
  l: { kind: 'skip', seconds: SKIP_SECONDS },
  g: { kind: 'go_to' },
  End: { kind: 'latest' },
  '+': { kind: 'zoom_time', steps: 1 },
  '=': { kind: 'zoom_time', steps: 1 },
  '-': { kind: 'zoom_time', steps: -1 },
  '[': { kind: 'zoom_price', steps: -1 },
  ']': { kind: 'zoom_price', steps: 1 },
  ArrowLeft: { kind: 'pan', share: -PAN_SHARE },
  ArrowRight: { kind: 'pan', share: PAN_SHARE },
  ArrowUp: { kind: 'pan_price', share: PAN_SHARE },
  ArrowDown: { kind: 'pan_price', share: -PAN_SHARE },
  ',': { kind: 'step', bins: -1 },
  '.': { kind: 'step', bins: 1 },
  '<': { kind: 'speed', steps: -1 },
  '>': { kind: 'speed', steps: 1 },
  p: { kind: 'save', as: 'png' },
  c: { kind: 'save', as: 'csv' },
  b: { kind: 'bookmark' },
  Escape: { kind: 'escape' },
  t: { kind: 'theme' },
  n: { kind: 'add_chart' },
  x: { kind: 'close_chart' },
  '?': { kind: 'help' },
};

/** What the help lists: keys and what they do. */
export const SHORTCUTS: readonly (readonly [readonly string[], string])[] = [
  [['Space'], 'Play or pause'],
  [['R'], 'Restart from the first bin'],
  [['J', 'L'], `Back or forward ${SKIP_SECONDS} seconds`],
  [[',', '.'], 'One bin back or on, paused'],
  [['<', '>'], 'Slower or faster'],
  [['End'], 'Back to the newest bin'],
  [['G'], 'Go to a time or bin'],
  [MODES.map((_mode, index) => String(index + 1)), 'Colour of the map'],
  [['+', '−'], 'Zoom time in or out'],
  [['[', ']'], 'Zoom price out or in'],
  [['←', '→'], 'Look back, look ahead'],
  [['↑', '↓'], 'Higher prices, lower prices'],
  [['P'], 'Save the view as a picture (PNG)'],
  [['C'], 'Save the bins in view as a table (CSV)'],
  [['B'], 'Bookmark the newest bin in view, or remove it'],
  [['N', 'X'], 'One more chart beside, close the active one'],
  [['T'], 'Light, dark, or as the system'],
  [['?'], 'This list'],
];

/** As {@link SHORTCUTS}, of the pointer on the map. */
export const GESTURES: readonly (readonly [readonly string[], string])[] = [
  [['Wheel'], 'Zoom time at the pointer'],
  [['Shift', 'Wheel'], 'Zoom price; also without Shift over the price axis'],
  [['Drag'], 'Move the map and hold it there'],
  [['Shift', 'Drag'], 'Measure ticks, time and volume; Esc ends it'],
  [['Double click'], 'Follow the newest bin again'],
];

/** The command of a key, or null when it has none or belongs to the browser or a text field. */
export function keyCommand(event: {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** Held down: only what moves the view goes on. */
  repeat?: boolean;
  target: EventTarget | null;
}): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || takesText(event.target)) return null;
  // Space is pause wherever the focus is; buttons keep Enter.
  if (event.key !== ' ' && ((event.target ?? {}) as Focused).tagName === 'SELECT') return null;
  const command = commandOf(event.key);
  if (command === null || (event.repeat === true && !GOES_ON.has(command.kind))) return null;
  return isArrow(event.key) && takesArrows(event) ? null : command;
}

const GOES_ON: ReadonlySet<Command['kind']> = new Set([
  'pan',
  'pan_price',
  'zoom_time',
  'zoom_price',
  'step',
]);

function commandOf(key: string): Command | null {
  const mode = /^[1-9]$/.test(key) ? MODES[Number(key) - 1] : undefined;
  if (mode !== undefined) return { kind: 'mode', mode: mode.id };
  return KEYS[key.length === 1 ? key.toLowerCase() : key] ?? null;
}

const isArrow = (key: string): boolean => key.startsWith('Arrow');

interface Focused {
  tagName?: string;
  type?: string;
  getAttribute?: (name: string) => string | null;
  closest?: (selector: string) => unknown;
}

/** Whether it is the space bar, and not typed into a text. */
export function isSpace(event: { key: string; target: EventTarget | null }): boolean {
  return event.key === ' ' && !takesText(event.target);
}

/** Inputs into which nothing is written. */
const WORDLESS: readonly string[] = ['range', 'checkbox'];

function takesText(target: EventTarget | null): boolean {
  const { tagName, type = 'text' } = (target ?? {}) as Focused;
  return tagName === 'TEXTAREA' || (tagName === 'INPUT' && !WORDLESS.includes(type));
}

/** Whether a key is to turn a switch: Space is pause there too, so Enter does what Space does elsewhere. */
export function turnsSwitch(event: { key: string; target: EventTarget | null }): boolean {
  const { tagName, type } = (event.target ?? {}) as Focused;
  return event.key === 'Enter' && tagName === 'INPUT' && type === 'checkbox';
}

/** Radio groups, lists and sliders move by the arrow keys, and the panel up and down. */
function takesArrows({ key, target }: { key: string; target: EventTarget | null }): boolean {
  const focused = (target ?? {}) as Focused;
  const scrolls = key === 'ArrowUp' || key === 'ArrowDown';
  if (scrolls && focused.closest?.('.panel, dialog') != null) return true;
  return focused.tagName === 'INPUT' || focused.getAttribute?.('role') === 'radio';
}
