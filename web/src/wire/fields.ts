import { WireError } from './errors';

const INT64 = /^-?\d{1,19}$/;

/**
 * Reads checked fields of one JSON object.
 *
 * Every reader throws {@link WireError} with the field's path, what it holds and what is allowed.
 */
export class Fields {
  private constructor(
    private readonly values: Record<string, unknown>,
    private readonly path: string,
  ) {}

  /** @param path where the object sits in the message, for errors ("grid_update.signal"). */
  static of(value: unknown, path: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new WireError(`${path} is ${describe(value)}; an object is expected`);
    }
    return new Fields(value as Record<string, unknown>, path);
  }

  object(name: string): Fields {
    return Fields.of(this.values[name], `${this.path}.${name}`);
  }

  list(name: string): unknown[] {
    const value = this.values[name];
    return Array.isArray(value) ? (value as unknown[]) : this.fail(name, value, 'a list');
  }

  text(name: string): string {
    const value = this.values[name];
    return typeof value === 'string' ? value : this.fail(name, value, 'a string');
  }

  /** A string, or null when the field is null or absent. */
  optionalText(name: string): string | null {
    return this.values[name] === undefined || this.values[name] === null ? null : this.text(name);
  }

  /** A finite number: JSON has no NaN, and the contract promises none. */
  number(name: string): number {
    const value = this.values[name];
    return typeof value === 'number' && Number.isFinite(value)
      ? value
      : this.fail(name, value, 'a finite number');
  }

  /** An integer of at least `minimum`, small enough to be exact. */
  integer(name: string, minimum = Number.MIN_SAFE_INTEGER): number {
    const value = this.values[name];
    return Number.isSafeInteger(value) && (value as number) >= minimum
      ? (value as number)
      : this.fail(
          name,
          value,
          minimum > Number.MIN_SAFE_INTEGER ? `an integer >= ${minimum}` : 'an integer',
        );
  }

  /** A 64-bit integer: a decimal string, or a plain number where that is exact. Returned as a string. */
  int64(name: string): string {
    const value = this.values[name];
    if (typeof value === 'string' && INT64.test(value)) return value;
    if (Number.isSafeInteger(value)) return String(value);
    return this.fail(name, value, 'a decimal string of a 64-bit integer');
  }

  /** A flag: true or false, or 1 or 0. */
  flag(name: string): boolean {
    const value = this.values[name];
    if (typeof value === 'boolean') return value;
    if (value === 0 || value === 1) return value === 1;
    return this.fail(name, value, 'true or false');
  }

  /** A number or a decimal string, as a string; null when null or absent. */
  optionalDecimal(name: string): string | null {
    const value = this.values[name];
    return typeof value === 'number' && Number.isFinite(value)
      ? String(value)
      : this.optionalText(name);
  }

  /** An object of strings; other kinds of value are left out, an absent object is empty. */
  textMap(name: string): Record<string, string> {
    const value = this.values[name];
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => {
        return typeof entry[1] === 'string';
      }),
    );
  }

  private fail(name: string, value: unknown, allowed: string): never {
    throw new WireError(`${this.path}.${name} is ${describe(value)}; ${allowed} is expected`);
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
