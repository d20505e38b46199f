/** What two things have in common, and what not. */

export interface Difference {
  name: string;
  left: unknown;
  right: unknown;
  same: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Nested objects as dotted names; lists are values. */
export function flat(fields: Fields, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [inner, held] of flat(value as Fields, `${prefix}${name}.`))
        found.set(inner, held);
    } else found.set(prefix + name, value);
  }
  return found;
}

/** Every name of either, those that differ first, each group in the order in which the names come. */
export function differences(left: Fields, right: Fields): Difference[] {
  const [a, b] = [flat(left), flat(right)];
  const rows = [...new Set([...a.keys(), ...b.keys()])].map((name) => ({
    name,
    left: a.get(name),
    right: b.get(name),
    same: JSON.stringify(a.get(name)) === JSON.stringify(b.get(name)),
  }));
  return [...rows.filter(({ same }) => !same), ...rows.filter(({ same }) => same)];
}
