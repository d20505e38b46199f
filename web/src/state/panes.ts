import { formatPlace, parsePlace, type Place } from './place';

export const MOST_PANES = 4;

/** The charts of the page, as its address says them. */
export interface Shown {
  /** One to {@link MOST_PANES}, in the order in which they stand. */
  places: readonly Place[];
  /** Which of them the controls are of. */
  active: number;
  /** Whether they stand above one another. */
  stacked: boolean;
}

const NAMES = { other: 'pane', active: 'active', stacked: 'stacked' } as const;

/** The charts that a query names: the active one as {@link parsePlace} reads it, each other one in a `pane` of its own. */
export function parseShown(query: string): Shown {
  const given = new URLSearchParams(query);
  const places = given
    .getAll(NAMES.other)
    .slice(0, MOST_PANES - 1)
    .map(parsePlace);
  const asked = Number(given.get(NAMES.active) ?? 0);
  const active = Number.isInteger(asked) && asked >= 0 ? Math.min(asked, places.length) : 0;
  places.splice(active, 0, parsePlace(query));
  return { places, active, stacked: given.has(NAMES.stacked) };
}

/** The query of what is shown; other parameters of `query` are kept. */
export function formatShown({ places, active, stacked }: Shown, query = ''): string {
  const given = new URLSearchParams(query);
  for (const name of Object.values(NAMES)) given.delete(name);
  places.forEach((place, index) => {
    if (index !== active) given.append(NAMES.other, formatPlace(place).slice(1));
  });
  if (active > 0) given.set(NAMES.active, String(active));
  if (stacked) given.set(NAMES.stacked, '1');
  const place = places[active];
  if (place === undefined) throw new RangeError(`there is no chart ${active}`);
  return formatPlace(place, given.toString());
}
