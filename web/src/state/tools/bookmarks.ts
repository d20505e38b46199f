/** Bins that the user has marked, by the identity of their stream. */
export type Bookmarks = Readonly<Record<string, readonly number[]>>;

/** Bookmarks of one stream, and streams, that are kept at most; the oldest ones go. */
const MOST = 40;
const MOST_STREAMS = 20;

/** The bookmarks with that bin marked, or not marked any more if it was. */
export function toggleBookmark(kept: Bookmarks, identity: string, bin: number): Bookmarks {
  const bins = kept[identity] ?? [];
  const next = bins.includes(bin) ? bins.filter((other) => other !== bin) : [...bins, bin];
  const others = Object.entries(kept).filter(([other]) => other !== identity);
  const entries = [...others.slice(-MOST_STREAMS + 1), [identity, next.slice(-MOST)] as const];
  return Object.fromEntries(entries.filter(([, marked]) => marked.length > 0));
}

/** Reads what was kept; what is not understood is left out. */
export function parseBookmarks(text: string | null): Bookmarks {
  try {
    const kept = JSON.parse(text ?? '{}') as unknown;
    if (typeof kept !== 'object' || kept === null) return {};
    return Object.fromEntries(
      Object.entries(kept).flatMap(([identity, bins]) => {
        const whole = (Array.isArray(bins) ? bins : []).filter(
          (bin): bin is number => Number.isInteger(bin) && bin >= 0,
        );
        return whole.length > 0 ? [[identity, whole]] : [];
      }),
    );
  } catch {
    return {};
  }
}
