import { keepLeft, keepShown, kept, opening } from './opening';
import { Panes } from './panes';
import { formatShown } from './state/panes';
import { AlertCard } from './ui/alerts';
import { BookmarkBar } from './ui/bookmarks';
import { Cards } from './ui/cards';
import { publishCounters } from './ui/counters';
import { DepthControl } from './ui/depthcontrol';
import { byId } from './ui/elements';
import { Header } from './ui/header';
import { makeHelp } from './ui/help';
import { isSpace, keyCommand, SKIP_SECONDS, turnsSwitch, type Command } from './ui/keys';
import { Panel } from './ui/panel';
import { Parts } from './ui/parts';
import { Reading } from './ui/reading';
import { Status } from './ui/status';
import { MarksCard } from './ui/marks';
import { OverlaySwitches } from './ui/overlays';
import { Tape } from './ui/tape';
import { ThemeSwitch } from './ui/theme';
import { Timeline } from './ui/timeline';
import { fetchServings } from './wire/servings';

/** Served by `vp demo`; what to try when the server offers nothing. */
const DEFAULT_SERVING = 'demo';
/** How often the place is written into the address, ms. Browsers allow some hundred writes in half a minute. */
const PLACE_MS = 1000;
/** As {@link PLACE_MS}, while only the time moves on: writing takes longer than drawing. */
const PLAYING_PLACE_MS = 5000;
/** How often a hidden page looks whether it has to tell of a silence, ms. */
const HIDDEN_LOOK_MS = 1000;
/** How often an otherwise unchanged page is drawn again, for countdowns and silences, ms. */
const IDLE_REDRAW_MS = 250;

const panes = new Panes(
  {
    changed: () => {
      savePlace();
    },
    unseen: (pane) => {
      if (!alerts.watches) return;
      pane.acknowledge(performance.now());
      lookForAlerts();
    },
  },
  opening,
);
const header = new Header({
  mode: (mode) => {
    run({ kind: 'mode', mode });
  },
  speed: (value) => {
    panes.playAt(value);
  },
});
const timeline = new Timeline((bin) => {
  panes.goTo(bin);
});
const depthControl = new DepthControl((range) => {
  panes.active.store.setDepth(range);
});
const panel = new Panel();
const cards = new Cards();
const alerts = new AlertCard();
const tape = new Tape();
const marks = new MarksCard();
new OverlaySwitches((overlays) => {
  for (const { store } of panes.list) store.show(overlays);
});
const bookmarks = new BookmarkBar((bin) => {
  panes.goTo(bin);
});
const reading = new Reading();
const status = new Status();
const help = makeHelp();
const theme = new ThemeSwitch(() => {
  for (const { stage, store } of panes.list) {
    stage.invalidate();
    store.revision += 1;
  }
});
const seekInput = byId('seek', HTMLInputElement);
const seekProblem = byId('seek-problem', HTMLElement);
const reducedMotion = window.matchMedia('(prefers-reduced-motion: reduce)');

// Place

function choose(serving: string): void {
  panes.active.choose(serving);
  savePlace();
}

window.addEventListener('pagehide', () => {
  keepLeft(formatShown(panes.shown, window.location.search));
});

let savedAtMs = -Infinity;
let lookedAtMs = -Infinity;
/** What was saved last, but the times. */
let saved = '';

/** Everything that is shown but when it is. */
function shownButTime(): string {
  const { places, ...shown } = panes.shown;
  return formatShown({ ...shown, places: places.map((place) => ({ ...place, at: null })) });
}

/** Saves the place if it is worth it: what only moves on with the time is saved now and then. */
function keepPlace(nowMs: number): void {
  lookedAtMs = nowMs;
  const { view, session } = panes.active.store;
  const plays = view.edge === null && !session.paused;
  if (plays && nowMs - savedAtMs < PLAYING_PLACE_MS && shownButTime() === saved) return;
  savePlace();
}

/** Writes what is shown into the address, and keeps it for a page that is opened without one. */
function savePlace(): void {
  savedAtMs = lookedAtMs = performance.now();
  saved = shownButTime();
  const query = cards.named(formatShown(panes.shown, window.location.search));
  if (query === window.location.search) return;
  window.history.replaceState(null, '', query);
  keepShown(query);
}

async function start(): Promise<void> {
  // A link that says nothing of colours and zoom is read with those of the last visit.
  const usual = kept.places[kept.active];
  for (const pane of panes.list) if (usual !== undefined) pane.look(usual);
  panes.show(opening);
  const asked = opening.places[opening.active]?.serving ?? null;
  if (asked !== null) savePlace();
  const choices = await fetchServings();
  for (const { store } of panes.list) store.act({ kind: 'offer', choices });
  const [only] = choices;
  if (asked === null && choices.length < 2) choose(only?.name ?? DEFAULT_SERVING);
}

// User

function run(command: Command): void {
  const pane = panes.active;
  switch (command.kind) {
    case 'toggle_play':
      panes.togglePlay();
      break;
    case 'restart':
      panes.restart();
      break;
    case 'step':
      panes.step(command.bins);
      break;
    case 'skip':
      panes.skip(command.seconds);
      break;
    case 'latest':
      pane.store.look({ kind: 'follow' });
      break;
    case 'go_to':
      seekInput.focus();
      seekInput.select();
      break;
    case 'save':
      void pane.save(command.as);
      break;
    case 'speed':
      panes.changeSpeed(command.steps);
      break;
    case 'bookmark': {
      const { stream } = pane.store;
      const view = pane.store.viewport(pane.stage.layout);
      if (stream !== null && view !== null) bookmarks.toggle(stream, pane.store.newestBin(view));
      break;
    }
    case 'escape':
      pane.store.setCorners(null);
      break;
    case 'theme':
      theme.next();
      break;
    case 'help':
      help.toggle();
      break;
    case 'pan':
      pane.pan(command.share);
      break;
    case 'pan_price':
      pane.panPrice(command.share);
      break;
    case 'zoom_time':
    case 'zoom_price':
      pane.zoom(command.kind === 'zoom_time' ? 'time' : 'price', command.steps);
      break;
    case 'mode':
      pane.store.look(command);
      break;
    case 'add_chart':
      panes.add();
      break;
    case 'close_chart':
      panes.close(pane);
      break;
  }
}

byId('retry', HTMLButtonElement).addEventListener('click', () => {
  panes.active.retry();
});

const buttons: Readonly<Record<string, Command>> = {
  restart: { kind: 'restart' },
  back: { kind: 'skip', seconds: -SKIP_SECONDS },
  play: { kind: 'toggle_play' },
  forward: { kind: 'skip', seconds: SKIP_SECONDS },
  'save-png': { kind: 'save', as: 'png' },
  'save-csv': { kind: 'save', as: 'csv' },
};
for (const [id, command] of Object.entries(buttons)) {
  byId(id, HTMLButtonElement).addEventListener('click', () => {
    run(command);
  });
}

window.addEventListener('keydown', (event) => {
  const command = keyCommand(event);
  // Escape closes what the browser has opened, too.
  const taken = command !== null && command.kind !== 'escape';
  if (taken || isSpace(event)) event.preventDefault();
  if (command !== null) run(command);
  if (turnsSwitch(event)) (event.target as HTMLInputElement).click();
});
// Some browsers press a focused button when the space bar is let go.
window.addEventListener('keyup', (event) => {
  if (isSpace(event)) event.preventDefault();
});

byId('serving', HTMLSelectElement).addEventListener('change', (event) => {
  choose((event.currentTarget as HTMLSelectElement).value);
});

byId('seek-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const target = panes.active.store.target(seekInput.value);
  const problem = 'problem' in target ? target.problem : '';
  seekInput.setAttribute('aria-invalid', String(problem !== ''));
  seekProblem.textContent = problem;
  seekProblem.hidden = problem === '';
  if ('problem' in target) return;
  panes.goTo(target.bin);
  seekInput.value = '';
  seekInput.blur();
});
for (const type of ['input', 'blur']) {
  seekInput.addEventListener(type, () => {
    seekInput.removeAttribute('aria-invalid');
    seekProblem.hidden = true;
  });
}

// One redraw an animation frame, and none when nothing changed

/** What is around the charts. */
const parts = new Parts([
  (nowMs) => {
    const { store } = panes.active;
    const freshness = store.freshness(nowMs);
    header.draw(store, freshness, nowMs);
    panel.draw(store, freshness);
    for (const pane of panes.list) pane.drawFrame(nowMs);
  },
  (nowMs) => {
    const { store, stage } = panes.active;
    const view = store.viewport(stage.layout);
    lookForAlerts(nowMs);
    depthControl.draw(store);
    const pointed = panes.list.find(({ stage: { hovered } }) => hovered?.frame !== undefined);
    const { stage: read, store: of } = pointed ?? panes.active;
    if (of.stream?.grid != null) reading.draw(read.hovered, of.stream.grid, of.overlays.marks);
    tape.draw(store, view);
    marks.draw(store, view);
    bookmarks.draw(store);
    timeline.draw(store, view);
    status.draw(store, { drawn: stage.drawn, frameMs, renderer: stage.heatmap.kind });
  },
]);

function lookForAlerts(nowMs = performance.now()): void {
  alerts.draw(
    panes.list.map(({ store }) => store),
    nowMs,
  );
}

// A hidden page draws nothing; what it is to tell of is looked for all the same, silence too.
window.setInterval(() => {
  if (document.hidden && alerts.watches) lookForAlerts();
}, HIDDEN_LOOK_MS);

window.addEventListener('online', () => {
  for (const pane of panes.list) pane.online();
});

let shownAtMs = -Infinity;
let frames = 0;
let frameMs = 0;

function onFrame(nowMs: number): void {
  window.requestAnimationFrame(onFrame);
  const startedMs = performance.now();
  const due = nowMs - shownAtMs >= IDLE_REDRAW_MS;
  const changed = due || panes.list.some((pane) => pane.changed);
  if (changed) shownAtMs = nowMs;
  let drew = false;
  const binsBefore = panes.drawn;
  for (const pane of panes.list)
    drew = pane.draw(nowMs, reducedMotion.matches, due, parts.owing) || drew;
  const part = parts.next(nowMs, changed, panes.drawn > binsBefore);
  // After the charts: what has changed of the page is styled anew before a canvas takes a font.
  part?.(startedMs);
  if (!drew && part === undefined) return;
  // Writing the address takes long: a frame with nothing else to do is waited for, for a while.
  const sinceMs = startedMs - lookedAtMs;
  const free = part === undefined && !changed;
  const { drawable } = panes.active;
  const held = panes.list.some(({ dragging }) => dragging);
  if (drawable && !held && sinceMs > (free ? PLACE_MS : 2 * PLACE_MS)) keepPlace(startedMs);
  frames += 1;
  frameMs += (performance.now() - startedMs - frameMs) * 0.05;
}

publishCounters(() => {
  const { store, stage, mostAtOnce } = panes.active;
  const { counters, phase } = store.session;
  const connected = phase === 'waiting' || phase === 'streaming';
  const { word, latenessMs } = store.freshness(performance.now());
  const view = store.viewport(stage.layout);
  return {
    ...counters,
    freshness: word,
    latenessMs,
    connected,
    phase,
    drawn: stage.drawn,
    mostAtOnce,
    binSeq: store.stream?.history.head ?? -1,
    frames,
    frameMs,
    renderer: stage.heatmap.kind,
    paused: store.session.paused,
    tail: store.stream?.history.tail ?? 0,
    followsTime: store.view.edge === null,
    view,
    layout: stage.layout,
    speed: store.speed,
    missing: view === null ? 0 : store.missingIn(view),
    charts: panes.list.map((pane) => ({
      serving: pane.store.session.serving,
      mode: pane.store.view.mode,
      drawn: pane.stage.drawn,
      binSeq: pane.store.stream?.history.head ?? -1,
      paused: pane.store.session.paused,
    })),
  };
});

window.requestAnimationFrame(onFrame);
void start();
