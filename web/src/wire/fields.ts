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

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  /** A string, or null when the field is null or absent. */
  nullableText(name: string): string | null {
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

  /** A 64-bit integer as a decimal string. */
  int64(name: string): string {
    const value = this.values[name];
    return typeof value === 'string' && INT64.test(value)
      ? value
      : this.fail(name, value, 'a decimal string of a 64-bit integer');
  }

  flag(name: string): boolean {
    const value = this.values[name];
    return typeof value === 'boolean' ? value : this.fail(name, value, 'true or false');
  }

  /** An object whose values are strings. */
  textMap(name: string): Record<string, string> {
    const map = this.object(name);
    return Object.fromEntries(Object.keys(map.values).map((key) => [key, map.text(key)]));
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
