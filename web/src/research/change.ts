/** Changes, and the forms that ask for them: a reason always, and what is to be accepted said in so many words. */
import { ask, read } from './api';
import type { Permission } from '../wire/generated/rest';
import { h } from './dom';

/**
 * Sends a change to the page's own server.
 *
 * @throws {Refused} when the server refuses.
 */
export async function send<Answer>(
  path: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  });
  return read<Answer>(response);
}

/** Whether this page may change anything; where it may not, why not. */
export async function permission(signal: AbortSignal): Promise<Permission> {
  return ask('Permission', '/v1/permission', {}, signal);
}

let announced: string | null = null;

/** What a change came to, once: it is shown above what is shown next. */
export function takeNotice(): string | null {
  const text = announced;
  announced = null;
  return text;
}

export interface Demand {
  /** What is asked for, the words of its button. */
  words: string;
  /** Fields beside the reason, in order. */
  fields: readonly HTMLElement[];
  /** Sends it; what it says is shown above what comes next. */
  act: (given: FormData, reason: string) => Promise<string>;
  /** What is shown afterwards. */
  done: () => void;
}

/** A form whose button waits for a reason. */
export function demandForm({ words, fields, act, done }: Demand): HTMLFormElement {
  const reason = h('input', {
    name: 'reason',
    type: 'text',
    required: '',
    maxlength: '1000',
    autocomplete: 'off',
    'aria-label': 'Reason, for the audit trail',
    placeholder: 'Why, for the audit trail',
  });
  const button = h('button', { type: 'submit', class: 'act' }, words);
  const said = h('p', { role: 'status', class: 'answer' });
  const form = h(
    'form',
    { class: 'filters demand', 'aria-label': words },
    ...fields,
    reason,
    button,
    said,
  );
  const judge = (): void => {
    button.disabled = reason.value.trim() === '' || !form.checkValidity();
  };
  form.addEventListener('input', judge);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    said.textContent = 'Working …';
    act(new FormData(form), reason.value.trim())
      .then(
        (text) => {
          announced = text;
          done();
        },
        (error: unknown) => {
          said.textContent = error instanceof Error ? error.message : String(error);
          judge();
        },
      )
      .catch(() => undefined);
  });
  judge();
  return form;
}
