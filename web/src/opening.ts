/**
 * What the page begins with, and all that a browser needs of it to connect: the worker starts and the server is asked
 * while the rest of the page is still loaded.
 */
import { newYorkOffset } from './state/clock';
import { parseShown, type Shown } from './state/panes';
import { StreamLink } from './wire/link';
import { streamUrl } from './wire/servings';

const PLACE_KEY = 'spymaster.place';
/** Where a page keeps what it shows when it is left, for the case that it is only loaded again. */
const LEFT_KEY = 'spymaster.left';

/** What the last visit showed. */
export const kept = parseShown(window.localStorage.getItem(PLACE_KEY) ?? '');
const named = reloadedQuery() ?? window.location.search;
/** What this visit is to show: what the address says, else the same. */
export const opening: Shown = named === '' ? kept : parseShown(named);

/** What a page that is loaded again showed last: its address is a little older. */
function reloadedQuery(): string | null {
  const [navigation] = performance.getEntriesByType('navigation');
  const reloaded =
    navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload';
  return reloaded ? window.sessionStorage.getItem(LEFT_KEY) : null;
}

/** Keeps what is shown for a page that is opened without an address. */
export function keepShown(query: string): void {
  window.localStorage.setItem(PLACE_KEY, query);
}

/** As {@link keepShown}, for this one when it is loaded again. */
export function keepLeft(query: string): void {
  window.sessionStorage.setItem(LEFT_KEY, query);
}

/** The connection of the first chart, where what it shows is known. */
export const firstLink = connectFirst();

function connectFirst(): StreamLink | null {
  const { serving = null, at = null } = opening.places[0] ?? {};
  if (serving === null) return null;
  const link = new StreamLink();
  const url = streamUrl(window.location, serving);
  link.tell({ kind: 'connect', url, elsewhere: at !== null });
  return link;
}

void import('./main');
// The first look-up of the zone takes long. The server is being waited for; the time of a link is found at once then.
newYorkOffset(Date.now());
