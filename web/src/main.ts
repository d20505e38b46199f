import { csvOf } from './state/export';
import { widthOf } from './state/layout';
import { formatPlace, parsePlace, timeOfBin, type Place as SavedPlace } from './state/place';
import { stepSpeed } from './state/speed';
import { Store } from './state/store';
import { cellAt, seqAt, visibleColumns } from './state/viewport';
import { publishCounters } from './ui/counters';
import { Cover } from './ui/cover';
import { byId } from './ui/elements';
import { Header } from './ui/header';
import { makeHelp } from './ui/help';
import { isSpace, keyCommand, SKIP_SECONDS, type Command } from './ui/keys';
import { Panel } from './ui/panel';
import { listenToPointer, type Place } from './ui/pointer';
import { saveFile } from './ui/save';
import { Stage } from './ui/stage';
import { Status } from './ui/status';
import { Timeline } from './ui/timeline';
import { fetchServings, streamUrl } from './wire/servings';
import type { WorkerCommand, WorkerEvent } from './wire/protocol';
import type { ClientMessage } from './wire/types';

/** Served by `vp demo`; what to try when the server offers nothing. */
const DEFAULT_SERVING = 'demo';
/** How often the place is written into the address, ms. Browsers allow some hundred writes in half a minute. */
const PLACE_MS = 1000;
const PLACE_KEY = 'spymaster.place';
/** How often an otherwise unchanged page is drawn again, for countdowns and silences, ms. */
const IDLE_REDRAW_MS = 250;

const stage = new Stage();
const store = new Store(stage.heatmap.widest);
const worker = new Worker(new URL('./wire/worker.ts', import.meta.url), { type: 'module' });
const header = new Header({
  mode: (mode) => {
    run({ kind: 'mode', mode });
  },
  speed: playAt,
});
const timeline = new Timeline(goTo);
const cover = new Cover({
  choose,
  retry: () => {
    choose(store.session.serving ?? DEFAULT_SERVING);
  },
  dismiss: () => {
    store.act({ kind: 'dismiss' });
  },
});
const panel = new Panel();
const status = new Status();
const help = makeHelp();
const seekInput = byId('seek', HTMLInputElement);
const seekProblem = byId('seek-problem', HTMLElement);
const followButton = byId('follow', HTMLButtonElement);
const reducedMotion = window.matchMedia('(prefers-reduced-motion: reduce)');

// Connection

function tell(command: WorkerCommand): void {
  worker.postMessage(command);
}

function send(message: ClientMessage | null): void {
  if (message !== null) tell({ kind: 'send', message });
}

/** Where to begin as soon as the stream has said which times it has. */
let beginning: Pick<SavedPlace, 'at' | 'paused'> | null = null;

function choose(serving: string, begin: Pick<SavedPlace, 'at' | 'paused'> | null = null): void {
  beginning = begin?.at == null ? null : begin;
  askedSpeed = null;
  store.act({ kind: 'choose', serving });
  savePlace();
  const url = streamUrl(window.location, serving);
  tell({ kind: 'connect', url, elsewhere: beginning !== null });
}

worker.addEventListener('message', (event: MessageEvent<WorkerEvent>) => {
  store.receive(event.data, performance.now());
  if (event.data.kind === 'config' && beginning !== null) begin(beginning);
});

function begin({ at, paused }: Pick<SavedPlace, 'at' | 'paused'>): void {
  beginning = null;
  const target = store.target(at ?? '');
  if (paused) setPaused(true);
  if ('problem' in target)
    store.tell('The link names a time that the session does not have', target.problem);
  goTo('problem' in target ? 0 : target.bin);
}

/** Moves the replay, and asks for what will be in view beside that bin. */
function goTo(bin: number): void {
  stage.measure();
  const seek = store.seekTo(bin);
  // First: a replay that ends at that bin would otherwise be over before it is heard.
  send(store.takeWantedAhead(stage.layout, performance.now()));
  send(seek);
}

// Place

function placeNow(): SavedPlace {
  const { view, time, session } = store;
  const shown = store.viewport(stage.layout);
  const at =
    beginning?.at ??
    (shown === null || time === null ? null : timeOfBin(time, Math.ceil(shown.edge) - 1));
  return {
    serving: session.serving,
    at,
    paused: session.paused,
    mode: view.mode,
    columnWidth: view.columnWidth,
    halfRows: view.halfRows,
  };
}

let savedAtMs = -Infinity;

/** Writes the place into the address, and keeps it for a page that is opened without one. */
function savePlace(): void {
  savedAtMs = performance.now();
  const query = formatPlace(placeNow(), window.location.search);
  if (query === window.location.search) return;
  window.history.replaceState(null, '', query);
  window.localStorage.setItem(PLACE_KEY, query);
}

async function start(): Promise<void> {
  const { search } = window.location;
  const kept = parsePlace(window.localStorage.getItem(PLACE_KEY) ?? '');
  const named = search === '' ? kept : parsePlace(search);
  const mode = named.mode ?? kept.mode;
  if (mode !== null) store.look({ kind: 'mode', mode });
  const columnWidth = named.columnWidth ?? kept.columnWidth;
  const halfRows = named.halfRows ?? kept.halfRows;
  store.look({
    kind: 'place',
    to: { ...(columnWidth !== null && { columnWidth }), ...(halfRows !== null && { halfRows }) },
  });
  const asked = named.serving;
  if (asked !== null) choose(asked, named);
  const choices = await fetchServings();
  store.act({ kind: 'offer', choices });
  const [only] = choices;
  if (asked === null && choices.length < 2) choose(only?.name ?? DEFAULT_SERVING);
}

// User

function run(command: Command): void {
  switch (command.kind) {
    case 'toggle_play':
      // At the end there is nothing to pause: it plays again.
      if (store.session.phase === 'ended') playFrom(0);
      else setPaused(!store.session.paused);
      break;
    case 'restart':
      if (store.session.phase === 'ended') playFrom(0);
      else goTo(0);
      break;
    case 'step':
      if (!store.session.paused) setPaused(true);
      goTo((store.stream?.history.head ?? 0) + command.bins);
      break;
    case 'skip':
      skip(command.seconds);
      break;
    case 'latest':
      store.look({ kind: 'follow' });
      break;
    case 'go_to':
      seekInput.focus();
      seekInput.select();
      break;
    case 'save':
      void save(command.as);
      break;
    case 'speed':
      playAt(stepSpeed(askedSpeed ?? 1, command.steps));
      break;
    case 'help':
      help.toggle();
      break;
    case 'pan':
      store.pan(command.share, stage.layout);
      break;
    case 'zoom_time':
    case 'zoom_price':
      store.zoom(
        command.kind === 'zoom_time' ? 'time' : 'price',
        command.steps,
        stage.layout,
        null,
      );
      break;
    case 'mode':
      store.look(command);
      break;
  }
}

function setPaused(paused: boolean): void {
  const kind = paused ? 'pause' : 'resume';
  store.act({ kind });
  send({ type: kind });
}

/** The speed asked for last: keys may come faster than answers. */
let askedSpeed: number | null = null;

function playAt(speed: number): void {
  askedSpeed = speed;
  send({ type: 'speed', value: speed });
}

function playFrom(bin: number): void {
  setPaused(false);
  goTo(bin);
}

/** Gives the user what is in view, named by serving and time. */
async function save(as: 'png' | 'csv'): Promise<void> {
  const { stream } = store;
  const view = store.viewport(stage.layout);
  if (stream === null || view === null) return;
  const { serving, at } = placeNow();
  const name = `${serving ?? 'stream'} ${at ?? ''}`.trim().replace(/[^\w.-]+/g, '-');
  const { from, to } = visibleColumns(view);
  const content =
    as === 'png'
      ? await stage.picture(store)
      : new Blob([csvOf(stream.history, from, to)], { type: 'text/csv' });
  if (content !== null) saveFile(`${name}.${as}`, content);
}

function skip(seconds: number): void {
  const bin = store.binAfter(seconds);
  if (bin !== null) goTo(bin);
}

byId('retry', HTMLButtonElement).addEventListener('click', () => {
  tell({ kind: 'retry' });
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

followButton.addEventListener('click', () => {
  store.look({ kind: 'follow' });
});

window.addEventListener('keydown', (event) => {
  const command = keyCommand(event);
  if (command !== null || isSpace(event)) event.preventDefault();
  if (command !== null) run(command);
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
  const target = store.target(seekInput.value);
  const problem = 'problem' in target ? target.problem : '';
  seekInput.setAttribute('aria-invalid', String(problem !== ''));
  seekProblem.textContent = problem;
  seekProblem.hidden = problem === '';
  if ('problem' in target) return;
  goTo(target.bin);
  seekInput.value = '';
  seekInput.blur();
});
for (const type of ['input', 'blur']) {
  seekInput.addEventListener(type, () => {
    seekInput.removeAttribute('aria-invalid');
    seekProblem.hidden = true;
  });
}

/** What the pointer holds: the place of the map that was pressed. */
let held = { seq: 0, cell: 0 };

function devicePlace({ x, y }: Place): Place {
  const { ratio } = stage.layout;
  return { x: x * ratio, y: y * ratio };
}

listenToPointer(stage.chart, () => stage.origin, {
  move: (at) => {
    store.look({ kind: 'pointer', at });
  },
  grab: (at) => {
    const view = store.viewport(stage.layout);
    const { x, y } = devicePlace(at);
    if (view !== null) held = { seq: seqAt(view, x), cell: cellAt(view, y) };
  },
  drag: (at, { time, price }) => {
    const { seq, cell } = held;
    const grip = { seq: time ? seq : null, cell: price ? cell : null };
    store.drag(grip, devicePlace(at), stage.layout);
  },
  zoom: (at, steps, shift) => {
    const place = devicePlace(at);
    const onPrices = place.x >= stage.layout.heat.right;
    store.zoom(shift || onPrices ? 'price' : 'time', steps, stage.layout, place);
  },
  pan: (px) => {
    store.pan((px * stage.layout.ratio) / widthOf(stage.layout.heat), stage.layout);
  },
  home: () => {
    store.look({ kind: 'follow' });
  },
});

// One redraw an animation frame, and none when nothing changed

let shownRevision = -1;
let shownAtMs = -Infinity;
let moving = false;
let frames = 0;
let frameMs = 0;
let mostAtOnce = 0;

function onFrame(nowMs: number): void {
  window.requestAnimationFrame(onFrame);
  const resized = stage.measure();
  const idle = !moving && !resized && shownRevision === store.revision;
  if (idle && nowMs - shownAtMs < IDLE_REDRAW_MS) return;
  const startedMs = performance.now();
  shownRevision = store.revision;
  shownAtMs = nowMs;
  moving = store.advance(nowMs, reducedMotion.matches);
  const drawnBefore = stage.drawn;
  const drawable = stage.draw(store);
  mostAtOnce = Math.max(mostAtOnce, stage.drawn - drawnBefore);
  send(store.takeAck());
  if (drawable) send(store.takeWanted(stage.layout, startedMs));
  if (drawable && startedMs - savedAtMs > PLACE_MS) savePlace();
  const freshness = store.freshness(startedMs);
  header.draw(store, freshness, startedMs);
  panel.draw(store, freshness);
  timeline.draw(store, store.viewport(stage.layout));
  cover.draw(store, drawable);
  followButton.hidden = store.view.edge === null && store.view.centre === null;
  status.draw(store, { drawn: stage.drawn, frameMs, renderer: stage.heatmap.kind });
  frames += 1;
  frameMs += (performance.now() - startedMs - frameMs) * 0.05;
}

publishCounters(() => {
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
  };
});

window.requestAnimationFrame(onFrame);
void start();
