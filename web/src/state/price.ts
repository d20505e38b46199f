/** Prices on the wire are integers of 1e-9 of the quote currency. */
const SCALE_DIGITS = 9;
const SCALE = 10n ** BigInt(SCALE_DIGITS);
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * A decimal price as an exact `price_int`.
 *
 * @throws {RangeError} when it is no plain decimal of at most nine places.
 */
export function parsePrice(text: string): bigint {
  const match = DECIMAL.exec(text.trim());
  const fraction = match?.[3] ?? '';
  if (match === null || fraction.replace(/0+$/, '').length > SCALE_DIGITS) {
    throw new RangeError(`price "${text}" is not a decimal number of at most nine places`);
  }
  const digits = BigInt(
    (match[2] ?? '0') + fraction.slice(0, SCALE_DIGITS).padEnd(SCALE_DIGITS, '0'),
  );
  return match[1] === '-' ? -digits : digits;
}

/** A `price_int` as text with thousands separators, rounded half away from zero to `decimals` places. */
export function formatPrice(priceInt: bigint, decimals: number): string {
  const places = Math.min(Math.max(decimals, 0), SCALE_DIGITS);
  const unit = 10n ** BigInt(SCALE_DIGITS - places);
  const magnitude = ((priceInt < 0n ? -priceInt : priceInt) + unit / 2n) / unit;
  const digits = magnitude.toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places).replace(/\B(?=(\d{3})+$)/g, ',');
  const fraction = places > 0 ? `.${digits.slice(-places)}` : '';
  return `${priceInt < 0n && magnitude > 0n ? '−' : ''}${whole}${fraction}`;
}

/**
 * The price scale of a stream, in cells from a fixed base price.
 *
 * Cells are small numbers (a float32 in the shader holds them exactly), prices stay exact big integers.
 */
export class PriceGrid {
  /**
   * @param cellInt price span of one cell, as a `price_int` (> 0).
   * @param baseInt price of cell 0.
   * @param decimals places to show.
   */
  constructor(
    readonly cellInt: bigint,
    readonly baseInt: bigint,
    readonly decimals: number,
  ) {
    if (cellInt <= 0n) throw new RangeError(`cell span is ${cellInt}; it must be positive`);
  }

  /** Position of a price in cells; a true price inside a bucket is a fraction. */
  toCells(priceInt: bigint): number {
    const offset = priceInt - this.baseInt;
    const whole = offset / this.cellInt;
    return Number(whole) + Number(offset - whole * this.cellInt) / Number(this.cellInt);
  }

  /** Price of a whole cell. */
  priceAt(cell: number): bigint {
    return this.baseInt + BigInt(Math.round(cell)) * this.cellInt;
  }

  format(priceInt: bigint): string {
    return formatPrice(priceInt, this.decimals);
  }
}

/** Span of one cell of the configured grid, as a `price_int`: the bucket where there is one, else the tick. */
export function cellSpan(config: {
  tick_size: string;
  bucket_size_dollars: string | null;
}): bigint {
  return parsePrice(config.bucket_size_dollars ?? config.tick_size);
}

export { SCALE as PRICE_SCALE };
