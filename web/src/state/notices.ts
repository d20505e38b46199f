import { CLOSE } from '../wire/types';

/** Something to tell the user, in plain words. */
export interface Notice {
  title: string;
  detail: string;
}

/** Headings for what the server's error codes are about; matched by the first that occurs in the code. */
const HEADINGS: readonly (readonly [RegExp, string])[] = [
  [/unknown.*serving|serving.*unknown|not_found/i, 'There is no such serving'],
  [/instrument|lock/i, 'This serving is of another instrument'],
  [/digest|integrity|checksum|tamper/i, 'This serving cannot be trusted'],
  [/full|capacity|limit|budget/i, 'The server is full'],
  [/engine|internal|producer/i, 'The engine behind this stream failed'],
  [/query|param/i, 'The address of this page is not understood'],
  [/origin|auth|token|forbidden/i, 'The server does not allow this page'],
  [/message|client|seek|command/i, 'The server did not accept that'],
];

export function serverNotice(code: string, message: string): Notice {
  const heading = HEADINGS.find(([pattern]) => pattern.test(code));
  return { title: heading?.[1] ?? 'The server reports an error', detail: message };
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
