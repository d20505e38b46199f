/** Where one is on the research page: a view and its parameters, which are the query of the address. */

export const VIEWS = ['runs', 'run', 'compare', 'datasets', 'servings', 'start'] as const;
export type View = (typeof VIEWS)[number];

export interface Place {
  view: View;
  /** Parameters of the view, without those that are empty. */
  query: Readonly<Record<string, string>>;
}

/** The place of a query such as "?view=run&run=0123456789abcdef"; runs, where it names no view. */
export function parsePlace(search: string): Place {
  const given = new URLSearchParams(search);
  const view = VIEWS.find((name) => name === given.get('view')) ?? 'runs';
  // fromEntries defines each name as its own, also "__proto__", which an assignment would swallow.
  const query = Object.fromEntries(
    [...given].filter(([name, value]) => name !== 'view' && value !== ''),
  );
  return { view, query };
}

/** The address of a place, relative to the page. Parameters that are null or empty are left out. */
export function addressOf(view: View, query: Readonly<Record<string, string | null>> = {}): string {
  const given = new URLSearchParams({ view });
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== '') given.set(name, value);
  }
  return `?${given.toString()}`;
}

/** The address of the same view with other parameters; null takes one away. */
export function changed(place: Place, query: Readonly<Record<string, string | null>>): string {
  return addressOf(place.view, { ...place.query, ...query });
}

/** A whole number of the query that is `least` or more, else the one given. */
export function numberOf(place: Place, name: string, otherwise: number, least = 0): number {
  const text = place.query[name] ?? '';
  return /^\d{1,9}$/.test(text) && Number(text) >= least ? Number(text) : otherwise;
}
