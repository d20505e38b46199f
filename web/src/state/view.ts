import { MODES, type ModeId } from './modes';

/** How the user looks at the data. Sizes are CSS px. */
export interface ViewState {
  mode: ModeId;
  /** Width of a column; see {@link COLUMN_WIDTHS}. */
  columnWidth: number;
  /** Rows shown above and below the centre; null until the grid is known. */
  halfRows: number | null;
  /** Rows the grid has above and below spot. */
  radius: number;
  /** Right edge of the view as a bin number, null while it follows the newest bin. */
  edge: number | null;
  /** Pointer over the chart, or null. */
  pointer: { x: number; y: number } | null;
}

export type ViewAction =
  | { kind: 'mode'; mode: ModeId }
  | { kind: 'grid'; radius: number }
  | { kind: 'zoom_time'; steps: number }
  | { kind: 'zoom_price'; steps: number }
  /** Moves the view by bins (negative: back in time) within what is kept. */
  | { kind: 'pan'; bins: number; head: number; tail: number }
  | { kind: 'follow' }
  | { kind: 'pointer'; at: { x: number; y: number } | null };

export const COLUMN_WIDTHS = [0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24] as const;

export const INITIAL_VIEW: ViewState = {
  mode: 'flow',
  columnWidth: 3,
  halfRows: null,
  radius: 0,
  edge: null,
  pointer: null,
};

const FEWEST_HALF_ROWS = 6;
/** Share of the grid shown at first: a margin keeps the window's edge out of sight while spot moves. */
const INITIAL_SHARE = 0.8;
const PRICE_ZOOM = 1.2;

/** The view after an action. */
export function reduceView(state: ViewState, action: ViewAction): ViewState {
  switch (action.kind) {
    case 'mode':
      return MODES.some((mode) => mode.id === action.mode)
        ? { ...state, mode: action.mode }
        : state;
    case 'grid':
      return action.radius === state.radius
        ? state
        : {
            ...state,
            radius: action.radius,
            halfRows: Math.max(Math.round(action.radius * INITIAL_SHARE), 1),
          };
    case 'zoom_time':
      return { ...state, columnWidth: stepWidth(state.columnWidth, action.steps) };
    case 'zoom_price':
      return { ...state, halfRows: zoomRows(state, action.steps) };
    case 'pan':
      return { ...state, edge: panEdge(state.edge, action) };
    case 'follow':
      return { ...state, edge: null };
    case 'pointer':
      return { ...state, pointer: action.at };
  }
}

function stepWidth(width: number, steps: number): number {
  const index = COLUMN_WIDTHS.findIndex((candidate) => candidate >= width);
  const wanted = Math.min(Math.max(index + steps, 0), COLUMN_WIDTHS.length - 1);
  return COLUMN_WIDTHS[wanted] ?? width;
}

function zoomRows({ halfRows, radius }: ViewState, steps: number): number | null {
  if (halfRows === null) return null;
  const rows = Math.round(halfRows * PRICE_ZOOM ** -steps);
  // Rounding must not swallow a step at small sizes.
  const moved = rows === halfRows ? halfRows - Math.sign(steps) : rows;
  const most = Math.max(Math.round(radius * 1.5), FEWEST_HALF_ROWS);
  return Math.min(Math.max(moved, FEWEST_HALF_ROWS), most);
}

function panEdge(
  edge: number | null,
  { bins, head, tail }: { bins: number; head: number; tail: number },
): number | null {
  const newest = head + 1;
  const wanted = (edge ?? newest) + bins;
  if (wanted >= newest) return null;
  return Math.max(wanted, Math.min(tail + 1, newest));
}
