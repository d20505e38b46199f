import { MODES, type ModeId } from './modes';
import { WIDEST } from './zoom/levels';

/** How the user looks at the data. Sizes are CSS px. */
export interface ViewState {
  mode: ModeId;
  /** Width of a bin; less than a device px where several bins are a column, see `zoomOf`. */
  columnWidth: number;
  /** Rows shown above and below the centre; null until the grid is known. */
  halfRows: number | null;
  /** Rows the grid has above and below spot. */
  radius: number;
  /** Right edge of the view as a bin number, null while it follows the newest bin. */
  edge: number | null;
  /** Cell at the middle of the height, null while it follows spot. */
  centre: number | null;
  /** Pointer over the chart, or null. */
  pointer: { x: number; y: number } | null;
}

export type ViewAction =
  | { kind: 'mode'; mode: ModeId }
  | { kind: 'grid'; radius: number }
  /** What is given is set; sizes are kept within their limits. */
  | { kind: 'place'; to: Partial<Pick<ViewState, 'columnWidth' | 'halfRows' | 'edge' | 'centre'>> }
  | { kind: 'follow' }
  | { kind: 'pointer'; at: { x: number; y: number } | null };

export const INITIAL_VIEW: ViewState = {
  mode: 'depth',
  columnWidth: 3,
  halfRows: null,
  radius: 0,
  edge: null,
  centre: null,
  pointer: null,
};

/** The least width of a bin, CSS px: the coarsest level of the shortest bins is above it. */
const NARROWEST = 1e-6;
const FEWEST_HALF_ROWS = 6;
/** Rows above and below the centre at most, in rows the grid has. */
const MOST_ROWS = 1.5;
/** The same where bins are narrower than so many CSS px: the price of hours has a wide range. */
const FAR = { width: 0.25, rows: 12 };
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
            halfRows: limitRows(
              state.radius === 0 && state.halfRows !== null
                ? state.halfRows
                : Math.max(Math.round(action.radius * INITIAL_SHARE), 1),
              action.radius,
              state.columnWidth,
            ),
          };
    case 'place': {
      const next = { ...state, ...action.to };
      const { halfRows, radius, columnWidth } = next;
      return {
        ...next,
        columnWidth: Math.min(Math.max(columnWidth, NARROWEST), WIDEST),
        halfRows:
          halfRows === null || radius === 0 ? halfRows : limitRows(halfRows, radius, columnWidth),
      };
    }
    case 'follow':
      return { ...state, edge: null, centre: null };
    case 'pointer':
      return { ...state, pointer: action.at };
  }
}

/** Width of a column in device px, whole. */
export function columnPxOf(columnWidth: number, ratio: number): number {
  return Math.max(Math.round(columnWidth * ratio), 1);
}

/** The rows above and below the centre some zoom steps on. */
export function zoomedHalfRows(
  halfRows: number,
  steps: number,
  radius: number,
  columnWidth = INITIAL_VIEW.columnWidth,
): number {
  const rows = Math.round(halfRows * PRICE_ZOOM ** -steps);
  // Rounding must not swallow a step at small sizes.
  const next = rows === halfRows ? halfRows - Math.sign(steps) : rows;
  return limitRows(next, radius, columnWidth);
}

function limitRows(halfRows: number, radius: number, columnWidth: number): number {
  const share = columnWidth < FAR.width ? FAR.rows : MOST_ROWS;
  const most = Math.max(Math.round(radius * share), FEWEST_HALF_ROWS);
  return Math.min(Math.max(Math.round(halfRows), Math.min(FEWEST_HALF_ROWS, most)), most);
}

/**
 * The right edge within what is kept, null when it reaches the newest bin.
 *
 * @param columns how many bins are visible. No edge leaves part of them empty while there are bins to fill it.
 */
export function limitEdge(
  edge: number,
  columns: number,
  { head, tail }: { head: number; tail: number },
): number | null {
  const newest = head + 1;
  const limited = Math.max(edge, Math.min(tail + columns, newest));
  return limited >= newest ? null : limited;
}

/**
 * The centre within reach of the bins.
 *
 * @param spot cell of spot in the bin at the right edge.
 * @param following whether the view follows the newest bin: spot then stays in sight.
 */
export function limitCentre(
  centre: number,
  spot: number,
  { halfRows, radius }: { halfRows: number; radius: number },
  following: boolean,
): number {
  if (!Number.isFinite(spot)) return centre;
  const reach = following ? halfRows * 0.9 : radius + halfRows / 2;
  return Math.min(Math.max(centre, spot - reach), spot + reach);
}
