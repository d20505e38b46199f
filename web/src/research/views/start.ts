/** Start an experiment from its YAML, follow it, stop it. It runs in the server: the page may be closed. */
import type { Started } from '../../wire/generated/rest';
import { ask } from '../api';
import { permission, send } from '../change';
import { h } from '../dom';
import { addressOf, type Place } from '../place';
import { setText } from '../../ui/elements';
import { minute, whole } from '../words';

const WORDS: Readonly<Record<Started['state'], string>> = {
  idle: 'No experiment was started here since the server began.',
  running: 'running',
  done: 'done',
  failed: 'failed',
  stopped: 'stopped',
};

interface Board {
  element: HTMLElement;
  show: (state: Started) => void;
}

/** How an experiment stands; `stop` asks the server to stop it. */
function boardOf(may: boolean, stop: () => Promise<Started>): Board {
  const title = h('b', {});
  const bar = h('progress', { 'aria-label': 'Progress of the experiment' });
  const said = h('p', { role: 'status' });
  const links = h('p', { class: 'links' });
  const button = h('button', { type: 'button', id: 'stop' }, 'Stop');
  const element = h(
    'div',
    { class: 'judged', id: 'started' },
    title,
    bar,
    said,
    links,
    may && button,
  );
  const show = (state: Started): void => {
    const { experiment, started_utc: since, ended_utc: until } = state;
    element.dataset.state = state.state;
    const idle = state.state === 'idle';
    setText(title, idle ? WORDS.idle : `Experiment ${experiment}: ${WORDS[state.state]}`);
    const running = state.state === 'running';
    bar.hidden = !running;
    button.hidden = !running;
    button.disabled = false;
    if (state.total > 0) {
      bar.max = state.total;
      bar.value = state.done;
    } else bar.removeAttribute('value');
    const counted = state.total > 0 ? ` ${whole(state.done)} of ${whole(state.total)}` : '';
    const times = `Since ${minute(since)} UTC${until === '' ? '' : `, until ${minute(until)}`}.`;
    const what = running
      ? `${state.what}${counted}.`
      : state.state === 'done'
        ? `${whole(state.computed)} runs computed, ${whole(state.resumed)} were there already.`
        : state.problem;
    setText(said, idle ? '' : `${what} ${times}`);
    links.replaceChildren(
      ...(state.runs.length > 0
        ? [
            h(
              'a',
              { href: addressOf('runs', { experiment, min_signals: '0' }) },
              `Runs of ${experiment}`,
            ),
          ]
        : []),
    );
  };
  button.addEventListener('click', () => {
    button.disabled = true;
    stop().then(show, (error: unknown) => {
      button.disabled = false;
      setText(said, error instanceof Error ? error.message : String(error));
    });
  });
  return { element, show };
}

/** Shows every state that comes, until the page shows something else. */
function follow(board: Board, signal: AbortSignal): void {
  const events = new EventSource('/v1/experiments/started/events');
  events.onmessage = ({ data }: MessageEvent<string>) => {
    const state = JSON.parse(data) as Started;
    board.show(state);
    if (state.state !== 'running') events.close();
  };
  signal.addEventListener('abort', () => {
    events.close();
  });
}

export async function showStart(_place: Place, signal: AbortSignal): Promise<Node[]> {
  const [{ experiments }, may, state] = await Promise.all([
    ask('ExperimentFiles', '/v1/experiments/specs', {}, signal),
    permission(signal),
    ask('Started', '/v1/experiments/started', {}, signal),
  ]);
  const board = boardOf(may.allowed, () => send<Started>('/v1/experiments/stop', {}));
  board.show(state);
  if (state.state === 'running') follow(board, signal);
  const text = h('textarea', {
    id: 'yaml',
    name: 'yaml',
    rows: '24',
    spellcheck: 'false',
    'aria-label': 'YAML of the experiment',
  });
  const select = h(
    'select',
    { id: 'spec', name: 'spec' },
    ...experiments.map(({ name }) => h('option', { value: name }, name)),
  );
  const load = (): void => {
    text.value = experiments.find(({ name }) => name === select.value)?.text ?? '';
  };
  select.addEventListener('change', load);
  load();
  const button = h('button', { type: 'submit', class: 'act', id: 'start' }, 'Start');
  const said = h('p', { role: 'alert', class: 'answer' });
  const form = h(
    'form',
    { class: 'demand', 'aria-label': 'Start an experiment' },
    h('div', { class: 'filters' }, h('label', {}, 'Spec', select), may.allowed && button),
    said,
    text,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    button.disabled = true;
    setText(said, '');
    send<Started>('/v1/experiments/start', { yaml: text.value })
      .then(
        (begun) => {
          board.show(begun);
          follow(board, signal);
        },
        (error: unknown) => {
          setText(said, error instanceof Error ? error.message : String(error));
        },
      )
      .finally(() => {
        button.disabled = false;
      });
  });
  return [
    h('h2', {}, 'Run an experiment'),
    h(
      'p',
      { class: 'said' },
      may.allowed
        ? 'It runs in a process of its own, one at a time, also when this page is closed, and ends with the server. What it has stored stays: started again, it goes on where it was.'
        : `This page cannot start it: ${may.reason}.`,
    ),
    board.element,
    form,
  ];
}
