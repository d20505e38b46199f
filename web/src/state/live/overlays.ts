/** What can lie over the cells of the map, whatever these show, and what it is called. */
export const OVERLAYS = [
  ['quotes', 'Best bid and ask'],
  ['mid', 'Mid'],
  ['vwap', 'Mean price (VWAP)'],
  ['trades', 'Trades'],
  ['marks', 'Marks'],
  ['ribbon', "Signal's state"],
] as const;

export type OverlayId = (typeof OVERLAYS)[number][0];

/** Which of them are shown. */
export type Overlays = Readonly<Record<OverlayId, boolean>>;

/** The mid lies between the best prices, which say it too. */
export const USUAL_OVERLAYS: Overlays = {
  quotes: true,
  mid: false,
  vwap: true,
  trades: true,
  marks: true,
  ribbon: true,
};

/** What was kept as text: the overlays that are shown, by name. Without a text, what is usual. */
export function parseOverlays(text: string | null): Overlays {
  if (text === null) return USUAL_OVERLAYS;
  const shown = text.split(' ');
  const entries = OVERLAYS.map(([id]) => [id, shown.includes(id)] as const);
  return { ...USUAL_OVERLAYS, ...Object.fromEntries(entries) };
}

/** See {@link parseOverlays}. */
export function overlaysText(overlays: Overlays): string {
  return OVERLAYS.flatMap(([id]) => (overlays[id] ? [id] : [])).join(' ');
}
