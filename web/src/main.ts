import { widthOf } from './state/layout';
import { Store } from './state/store';
import { cellAt, seqAt } from './state/viewport';
import { publishCounters } from './ui/counters';
import { Cover } from './ui/cover';
import { byId } from './ui/elements';
import { Header } from './ui/header';
import { makeHelp } from './ui/help';
import { isSpace, keyCommand, SKIP_SECONDS, type Command } from './ui/keys';
import { Panel } from './ui/panel';
import { listenToPointer, type Place } from './ui/pointer';
import { Stage } from './ui/stage';
import { Status } from './ui/status';
import { fetchServings, streamUrl } from './wire/servings';
import type { WorkerCommand, WorkerEvent } from './wire/protocol';
import type { ClientMessage } from './wire/types';

/** Served by `vp demo`; what to try when the server offers nothing. */
const DEFAULT_SERVING = 'demo';
/** How often an otherwise unchanged page is drawn again, for countdowns and silences, ms. */
const IDLE_REDRAW_MS = 250;

const stage = new Stage();
const store = new Store(stage.heatmap.widest);
const worker = new Worker(new URL('./wire/worker.ts', import.meta.url), { type: 'module' });
const header = new Header((mode) => {
  run({ kind: 'mode', mode });
});
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

function choose(serving: string): void {
  const address = new URL(window.location.href);
  address.searchParams.set('serving', serving);
  window.history.replaceState(null, '', address);
  store.act({ kind: 'choose', serving });
  tell({ kind: 'connect', url: streamUrl(window.location, serving) });
}

worker.addEventListener('message', (event: MessageEvent<WorkerEvent>) => {
  store.receive(event.data, performance.now());
});

async function start(): Promise<void> {
  const asked = new URLSearchParams(window.location.search).get('serving');
  if (asked !== null) choose(asked);
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
      else send(store.seekTo(0));
      break;
    case 'step':
      if (!store.session.paused) setPaused(true);
      send(store.seekTo((store.stream?.history.head ?? 0) + command.bins));
      break;
    case 'skip':
      send(store.seekBy(command.seconds));
      break;
    case 'latest':
      store.look({ kind: 'follow' });
      break;
    case 'go_to':
      seekInput.focus();
      seekInput.select();
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

function playFrom(bin: number): void {
  setPaused(false);
  send(store.seekTo(bin));
}

byId('retry', HTMLButtonElement).addEventListener('click', () => {
  tell({ kind: 'retry' });
});

const buttons: Readonly<Record<string, Command>> = {
  restart: { kind: 'restart' },
  back: { kind: 'skip', seconds: -SKIP_SECONDS },
  play: { kind: 'toggle_play' },
  forward: { kind: 'skip', seconds: SKIP_SECONDS },
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
  send(store.seekTo(target.bin));
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
  const freshness = store.freshness(startedMs);
  header.draw(store, freshness, startedMs);
  panel.draw(store, freshness);
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
    view: store.viewport(stage.layout),
  };
});

window.requestAnimationFrame(onFrame);
void start();
