import type { RestAnswers } from '../wire/generated/rest';

/** A request that was refused, in the words of the server. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'Refused';
  }
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * Asks the page's own server. The type is that of the document which the server makes of what it answers with, so
 * nothing is checked again here.
 *
 * @throws {Refused} when the server refuses, and TypeError when it cannot be reached.
 */
export async function ask<Name extends keyof RestAnswers>(
  _name: Name,
  path: string,
  query: Query = {},
  signal?: AbortSignal,
): Promise<RestAnswers[Name]> {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') given.set(name, String(value));
  }
  const text = given.toString();
  const response = await fetch(text === '' ? path : `${path}?${text}`, {
    headers: { accept: 'application/json' },
    ...(signal === undefined ? {} : { signal }),
  });
  return read<RestAnswers[Name]>(response);
}

export async function read<Answer>(response: Response): Promise<Answer> {
  const body = (await response.json()) as unknown;
  if (!response.ok) {
    const said = (body as { message?: unknown }).message;
    throw new Refused(response.status, typeof said === 'string' ? said : response.statusText);
  }
  return body as Answer;
}
