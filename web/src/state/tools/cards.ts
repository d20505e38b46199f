/** Name in the address of what is closed of the panel. */
const CLOSED = 'closed';

/** The cards that a query says are closed, null where it says nothing of them. */
export function parseClosed(query: string): ReadonlySet<string> | null {
  const given = new URLSearchParams(query).get(CLOSED);
  return given === null ? null : new Set(given.split('.').filter((name) => name !== ''));
}

/** The query with the cards that are closed; one that says nothing of them has all open. */
export function withClosed(query: string, closed: ReadonlySet<string>): string {
  const given = new URLSearchParams(query);
  const names = [...closed].filter((name) => name !== '').sort();
  if (names.length === 0) given.delete(CLOSED);
  else given.set(CLOSED, names.join('.'));
  return `?${given.toString().replaceAll('%3A', ':')}`;
}
