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

/** A magnitude with about `digits` significant digits and no exponent between 0.001 and a billion. */
export function significant(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return NONE;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return '0';
  if (magnitude >= 1e9 || magnitude < 1e-3) {
    return value
      .toExponential(digits - 1)
      .replaceAll('-', MINUS)
      .replace('e+', 'e');
  }
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(magnitude)));
  return fixed(value, decimals);
}

/** A whole number, thousands separated. */
export function count(value: number): string {
  return fixed(value, 0);
}
