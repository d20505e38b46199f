/** Speeds that a replay can be played at, against the market's own. */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 10, 30, 60];

/** The speed some steps slower or faster than one. */
export function stepSpeed(speed: number, steps: number): number {
  const nearest = SPEEDS.reduce((best, each) =>
    Math.abs(Math.log(each / speed)) < Math.abs(Math.log(best / speed)) ? each : best,
  );
  const index = SPEEDS.indexOf(nearest) + steps;
  return SPEEDS[Math.min(Math.max(index, 0), SPEEDS.length - 1)] ?? 1;
}

/** "0.25×", "4×". */
export function speedText(speed: number): string {
  return `${speed}×`;
}
