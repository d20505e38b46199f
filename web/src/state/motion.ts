/**
 * How the view moves: time glides with the bins, price stays put until spot has moved far enough.
 * Pure functions of a time step; the caller owns the numbers.
 */

/** Further behind than this, in bins, the view jumps. */
const JUMP_BINS = 60;
/** Share of the remaining lag that is made up per bin interval, beside the steady speed. */
const CATCH_UP = 0.35;

/**
 * The right edge of the view, moved by `dtMs` towards `target` (both in bins).
 *
 * It runs at the rate at which bins come, plus a share of what it lags, so that it neither stutters with the
 * network nor falls behind; it never overtakes the target.
 *
 * @param binMs measured time between bins.
 */
export function glideEdge(edge: number, target: number, binMs: number, dtMs: number): number {
  const lag = target - edge;
  if (lag <= 0 || lag > JUMP_BINS) return target;
  const intervals = dtMs / Math.max(binMs, 1);
  // A full interval behind is where the steady state is: one bin is always on its way in.
  const speed = 1 + (lag - 1) * CATCH_UP;
  return Math.min(target, edge + Math.max(speed, 0.1) * intervals);
}

/** A running mean of the time between bins, robust against pauses. */
export function arrivalInterval(mean: number, observedMs: number): number {
  if (observedMs > 10 * mean) return mean;
  return mean + (observedMs - mean) * 0.1;
}

/** Share of the visible half-height that spot may be off centre before the view recentres. */
const SLACK = 0.14;
const CENTRE_TAU_MS = 140;

/** Where the view should be centred, in cells: unchanged while spot is near enough, spot once it is not. */
export function centreTarget(target: number, spot: number, halfRows: number): number {
  if (!Number.isFinite(spot)) return target;
  if (!Number.isFinite(target)) return spot;
  return Math.abs(spot - target) > halfRows * SLACK ? spot : target;
}

/** The centre moved by `dtMs` towards its target; a jump of more than the view's height is not animated. */
export function glideCentre(
  centre: number,
  target: number,
  halfRows: number,
  dtMs: number,
): number {
  const distance = target - centre;
  if (!Number.isFinite(centre) || Math.abs(distance) > 2 * halfRows) return target;
  if (Math.abs(distance) < 0.01) return target;
  return centre + distance * (1 - Math.exp(-dtMs / CENTRE_TAU_MS));
}
