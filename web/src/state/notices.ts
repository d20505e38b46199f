import { CLOSE, type RuntimeConfigMessage } from '../wire/types';

/** Something to tell the user, in plain words. */
export interface Notice {
  title: string;
  detail: string;
}

/** What the server's error codes are about. */
const HEADINGS: Readonly<Record<string, string>> = {
  unknown_serving: 'There is no such serving',
  bad_query: 'The address of this page is not understood',
  instrument_mismatch: 'This serving is of another instrument',
  digest_mismatch: 'This serving was made with other libraries',
  integrity: 'This serving is damaged',
  raw_file_missing: 'The market data of this serving is missing',
  unavailable: 'The server cannot read its registry or lake',
  full: 'The server is full',
  engine_failed: 'The engine behind this stream failed',
  internal_error: 'The server failed to open this serving',
  bad_message: 'The server did not understand the page',
  bad_seek: 'There is no such bin',
  not_an_alias: 'This serving was opened by its id and stays as it is',
  follow_failed: 'The alias has moved, but cannot be followed now',
};

export function serverNotice(code: string, message: string): Notice {
  return { title: HEADINGS[code] ?? 'The server reports an error', detail: message };
}

/** What a close without an explaining message means, or null when it needs no words. */
export function closeNotice(code: number): Notice | null {
  switch (code) {
    case CLOSE.finished:
      return null;
    case CLOSE.shutdown:
      return { title: 'The server is restarting', detail: 'The page connects again by itself.' };
    case CLOSE.refused:
      return { title: 'The server refused the connection', detail: 'It gave no reason.' };
    case CLOSE.engineFailed:
      return {
        title: 'The engine behind this stream failed',
        detail: 'The page keeps trying; the server log has the cause.',
      };
    case CLOSE.full:
      return { title: 'The server is full', detail: 'The page tries again by itself.' };
    default:
      return { title: 'Connection lost', detail: 'The page connects again by itself.' };
  }
}

/** What a new config says about a stream that had another one before; null when it is the same or the first. */
export function moveNotice(
  before: RuntimeConfigMessage | null,
  now: RuntimeConfigMessage,
): Notice | null {
  const id = now.serving.serving_id;
  if (before === null || before.serving.serving_id === id) return null;
  const name = now.serving.alias ?? 'This stream';
  return { title: 'Another serving was promoted', detail: `${name} is now ${id}.` };
}
