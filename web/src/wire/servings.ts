import { PREVIEW_PATH, STREAM_PATH } from './types';

/** One entry of `GET /v1/servings` that a page can be pointed at. */
export interface ServingChoice {
  /** What goes into `?serving=`. */
  name: string;
  servingId: string | null;
}

/**
 * Reads the answer of `GET /v1/servings`: a list, or an object with a list under `servings` or `aliases`; an entry
 * is a name or an object with `alias` and/or `serving_id`. Entries of another kind are left out.
 */
export function parseServings(body: unknown): ServingChoice[] {
  const seen = new Set<string>();
  return entriesOf(body)
    .map(choice)
    .filter((entry): entry is ServingChoice => entry !== null)
    .filter((entry) => !seen.has(entry.name) && seen.add(entry.name));
}

function entriesOf(body: unknown): unknown[] {
  if (Array.isArray(body)) return body;
  if (typeof body !== 'object' || body === null) return [];
  return ['aliases', 'servings'].flatMap((key) => {
    const part = (body as Record<string, unknown>)[key];
    if (Array.isArray(part)) return part as unknown[];
    if (typeof part !== 'object' || part === null) return [];
    return Object.entries(part).map(([alias, id]) => ({ alias, serving_id: id as unknown }));
  });
}

function choice(entry: unknown): ServingChoice | null {
  if (typeof entry === 'string') return { name: entry, servingId: null };
  if (typeof entry !== 'object' || entry === null) return null;
  const { alias, serving_id: id } = entry as Record<string, unknown>;
  const servingId = typeof id === 'string' ? id : null;
  const name = typeof alias === 'string' && alias !== '' ? alias : servingId;
  return name === null ? null : { name, servingId };
}

/** What the name of a preview begins with; the dataset comes after it. No alias and no serving id has a colon. */
export const PREVIEW = 'preview:';

/** The stream's address on the page's own host: of a serving, or of the preview of a dataset. */
export function streamUrl(location: { protocol: string; host: string }, serving: string): string {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  if (serving.startsWith(PREVIEW)) {
    const dataset = encodeURIComponent(serving.slice(PREVIEW.length));
    return `${scheme}://${location.host}${PREVIEW_PATH}?dataset=${dataset}`;
  }
  return `${scheme}://${location.host}${STREAM_PATH}?serving=${encodeURIComponent(serving)}`;
}

/** Asks the page's own server what it serves; an empty list when it does not say. */
export async function fetchServings(): Promise<ServingChoice[]> {
  try {
    const response = await fetch('/v1/servings', { headers: { accept: 'application/json' } });
    return response.ok ? parseServings(await response.json()) : [];
  } catch (error) {
    // No network or no JSON: the stream itself will tell what is wrong.
    if (error instanceof TypeError || error instanceof SyntaxError) return [];
    throw error;
  }
}
