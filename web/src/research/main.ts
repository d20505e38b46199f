/** Puts the research page together: the address says what is shown, and every link within the page changes it. */
import { byId } from '../ui/elements';
import { ThemeSwitch } from '../ui/theme';
import { Refused } from './api';
import { takeNotice } from './change';
import { h } from './dom';
import { addressOf, parsePlace, type Place, type View } from './place';
import { showCompare } from './views/compare';
import { showDatasets } from './views/datasets';
import { showRun } from './views/run';
import { showRuns } from './views/runs';
import { showServings } from './views/servings';
import { showStart } from './views/start';

/** Makes what a place shows; `go` leads to another address of the page. */
export type Show = (
  place: Place,
  signal: AbortSignal,
  go: (address: string) => void,
) => Promise<Node[]>;

const SHOWS: Record<View, Show> = {
  runs: showRuns,
  run: showRun,
  compare: showCompare,
  datasets: showDatasets,
  servings: showServings,
  start: showStart,
};
const TABS: readonly (readonly [View, string])[] = [
  ['runs', 'Runs'],
  ['compare', 'Compare'],
  ['datasets', 'Datasets'],
  ['servings', 'Servings'],
  ['start', 'Run'],
];

const view = byId('view', HTMLElement);
const tabs = byId('tabs', HTMLElement);
let running = new AbortController();

// As it was chosen on the map; the colours of this page are the style sheet's alone.
const theme = new ThemeSwitch(() => undefined);
window.addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
  const writes = target instanceof Element && target.matches('input, textarea, select');
  if (key.toLowerCase() === 't' && !writes && !ctrlKey && !metaKey && !altKey) theme.next();
});

async function show(): Promise<void> {
  running.abort();
  const mine = new AbortController();
  running = mine;
  const place = parsePlace(location.search);
  tabs.replaceChildren(
    ...TABS.map(([name, words]) =>
      h('a', { href: addressOf(name), 'aria-current': name === place.view ? 'page' : null }, words),
    ),
  );
  view.setAttribute('aria-busy', 'true');
  let made: Node[];
  try {
    made = await SHOWS[place.view](place, mine.signal, go);
  } catch (error) {
    if (mine.signal.aborted) return;
    made = [failure(error)];
  }
  if (mine.signal.aborted) return;
  const focused = document.activeElement?.id ?? '';
  const notice = takeNotice();
  if (notice !== null) made.unshift(h('p', { class: 'notice-line', role: 'status' }, notice));
  view.replaceChildren(...made);
  view.setAttribute('aria-busy', 'false');
  document.title = `${view.querySelector('h2')?.textContent ?? 'Research'} · Spymaster`;
  if (focused !== '') document.getElementById(focused)?.focus();
}

function failure(error: unknown): Node {
  const said =
    error instanceof Refused
      ? error.message
      : error instanceof TypeError
        ? 'The server does not answer.'
        : String(error);
  const again = h('a', { href: location.href }, 'Try again');
  const signIn = h(
    'a',
    { href: `./sign-in?next=${encodeURIComponent(location.pathname + location.search)}` },
    'Sign in',
  );
  const next = error instanceof Refused && error.status === 401 ? signIn : again;
  return h('div', { class: 'failure', role: 'alert' }, h('p', {}, said), next);
}

function go(address: string): void {
  history.pushState(null, '', address);
  void show();
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  if (link.origin !== location.origin || link.pathname !== location.pathname || link.target !== '')
    return;
  event.preventDefault();
  go(link.search);
});
addEventListener('popstate', () => void show());
void show();
