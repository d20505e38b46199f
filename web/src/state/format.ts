const MINUS = '−';
/** Shown where there is no value, so that nothing moves when one comes. */
export const NONE = '–';

/** A number with a fixed count of decimals and a true minus sign; thousands are separated. */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return NONE;
  const text = Math.abs(value).toFixed(decimals);
  const [whole = '', fraction] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const negative = value < 0 && Number(text) !== 0;
  return `${negative ? MINUS : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** As {@link fixed}, with a plus sign on what is above zero. */
export function signed(value: number, decimals: number): string {
  const text = fixed(value, decimals);
  return Number.isFinite(value) && value > 0 && Number(value.toFixed(decimals)) !== 0
    ? `+${text}`
    : text;
}

/** Smaller than this is nothing to read: what is left of an exponential decay. */
const LEAST = 1e-6;

/** A magnitude with about `digits` significant digits, at most six decimals and never an exponent. */
export function significant(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return NONE;
  const magnitude = Math.abs(value);
  if (magnitude < LEAST) return '0';
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(magnitude)));
  return fixed(value, Math.min(decimals, 6));
}

/** Nearer to zero than this is written as zero where there is little room. */
const LEAST_BRIEF = 0.0005;

/** A number in six characters and its sign, as far as that goes: thousands end in k, and there are three decimals at most. */
export function brief(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  const magnitude = Math.abs(value);
  if (magnitude < LEAST_BRIEF) return '0';
  if (magnitude >= 9999.5) return `${fixed(value / 1000, magnitude < 99_950 ? 1 : 0)}k`;
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(magnitude)));
  return fixed(value, Math.min(decimals, 3));
}

/** A whole number, thousands separated. */
export function count(value: number): string {
  return fixed(value, 0);
}
