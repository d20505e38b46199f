import { MODES, type ModeId } from './modes';

/** How the user looks at the data. Sizes are CSS px. */
export interface ViewState {
  mode: ModeId;
  /** Width of a column; a whole number of device px once it is drawn. */
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

/** Widths of a column in device px. All are whole: columns of broken widths shimmer, and are drawn at another zoom. */
const COLUMN_PX = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96];
const WIDEST = 32;
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
            halfRows: limitRows(
              state.radius === 0 && state.halfRows !== null
                ? state.halfRows
                : Math.max(Math.round(action.radius * INITIAL_SHARE), 1),
              action.radius,
            ),
          };
    case 'place': {
      const next = { ...state, ...action.to };
      const { halfRows, radius, columnWidth } = next;
      return {
        ...next,
        columnWidth: Math.min(Math.max(columnWidth, 1 / 8), WIDEST),
        halfRows: halfRows === null || radius === 0 ? halfRows : limitRows(halfRows, radius),
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

/** The width of a column, in device px, some zoom steps on; every step is another width, up to the limits. */
export function zoomedColumnPx(columnPx: number, steps: number, ratio: number): number {
  const widths = COLUMN_PX.filter((px) => px <= WIDEST * ratio);
  const next =
    steps > 0
      ? widths.findIndex((px) => px > columnPx) + steps - 1
      : widths.findLastIndex((px) => px < columnPx) + steps + 1;
  // No wider or narrower one was found at an end.
  if (steps > 0 && (widths.at(-1) ?? 1) <= columnPx) return columnPx;
  return widths[Math.min(Math.max(next, 0), widths.length - 1)] ?? columnPx;
}

/** The rows above and below the centre some zoom steps on. */
export function zoomedHalfRows(halfRows: number, steps: number, radius: number): number {
  const rows = Math.round(halfRows * PRICE_ZOOM ** -steps);
  // Rounding must not swallow a step at small sizes.
  return limitRows(rows === halfRows ? halfRows - Math.sign(steps) : rows, radius);
}

function limitRows(halfRows: number, radius: number): number {
  const most = Math.max(Math.round(radius * 1.5), FEWEST_HALF_ROWS);
  return Math.min(Math.max(Math.round(halfRows), Math.min(FEWEST_HALF_ROWS, most)), most);
}

/**
 * The right edge within what is kept, null when it reaches the newest bin.
 *
 * @param columns how many columns are visible. No edge leaves part of them empty while there are bins to fill it.
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
