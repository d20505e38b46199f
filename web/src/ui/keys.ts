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
  '?': { kind: 'help' },
};

/** What the help lists: keys and what they do. */
export const SHORTCUTS: readonly (readonly [readonly string[], string])[] = [
  [['Space'], 'Play or pause'],
  [['R'], 'Restart from the first bin'],
  [['J', 'L'], `Back or forward ${SKIP_SECONDS} seconds`],
  [['End'], 'Back to the newest bin'],
  [['G'], 'Go to a time or bin'],
  [['1', '2', '3', '4'], 'Colour of the map'],
  [['+', '−'], 'Zoom time in or out'],
  [['[', ']'], 'Zoom price out or in'],
  [['←', '→'], 'Look back, look ahead'],
  [['?'], 'This list'],
];

/** The command of a key, or null when it has none or belongs to the browser or a text field. */
export function keyCommand(event: {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  target: EventTarget | null;
}): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || takesKeys(event.target)) return null;
  // A focused button keeps its space bar.
  if (event.key === ' ' && tagOf(event.target) === 'BUTTON') return null;
  const mode = /^[1-9]$/.test(event.key) ? MODES[Number(event.key) - 1] : undefined;
  if (mode !== undefined) return { kind: 'mode', mode: mode.id };
  return KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? null;
}

function tagOf(target: EventTarget | null): string | undefined {
  return (target as Partial<Element> | null)?.tagName;
}

function takesKeys(target: EventTarget | null): boolean {
  return ['INPUT', 'SELECT', 'TEXTAREA'].includes(tagOf(target) ?? '');
}
