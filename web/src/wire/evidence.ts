/** What was found out about the signal that is served, on the part of the data that was kept for it. */
export interface Evidence {
  signals: number;
  /** Share of signals that reached the target first, with its interval. */
  rate: number;
  rateLow: number;
  rateHigh: number;
  /** Net result of a signal, ticks. */
  netTicks: number | null;
  /** Corrected for all trials on the market; null where nothing was corrected. */
  pCorrected: number | null;
  trials: number | null;
  /** proven, unproven or refuted. */
  verdict: string | null;
  doubt: string | null;
}

/** The page that tells all of a run, at the threshold that is served. */
export function reportUrl(runId: string, threshold: number): string {
  const query = new URLSearchParams({ view: 'run', run: runId, threshold: String(threshold) });
  return `./experiments.html?${query.toString()}`;
}

/** Where a run is told of. */
export function runUrl(runId: string): string {
  return `/v1/experiments/runs/${encodeURIComponent(runId)}/detail`;
}

/** Reads the answer of {@link runUrl} at the threshold nearest to the one that is served; null when it holds none. */
export function parseEvidence(body: unknown, threshold: number): Evidence | null {
  const { thresholds } = objectOf(body);
  if (!Array.isArray(thresholds)) return null;
  const rows = thresholds.map(objectOf);
  const distance = (row: Fields): number =>
    Math.abs((numberOf(row.threshold) ?? Infinity) - threshold);
  const [first, ...others] = rows;
  if (first === undefined) return null;
  const row = others.reduce((best, each) => (distance(each) < distance(best) ? each : best), first);
  const confirm = objectOf(row.confirm);
  const [signals, rate] = [numberOf(confirm.n_signals), numberOf(confirm.tp_rate)];
  if (signals === null || rate === null || distance(row) > 1e-6) return null;
  return {
    signals,
    rate,
    rateLow: numberOf(confirm.tp_rate_low) ?? NaN,
    rateHigh: numberOf(confirm.tp_rate_high) ?? NaN,
    netTicks: numberOf(confirm.net_pnl_ticks),
    pCorrected: numberOf(row.p_corrected),
    trials: numberOf(row.n_trials),
    verdict: typeof row.verdict === 'string' ? row.verdict : null,
    doubt: typeof row.doubt === 'string' ? row.doubt : null,
  };
}

type Fields = Record<string, unknown>;

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Asks the page's own server; null when it does not know the run. */
export async function fetchEvidence(runId: string, threshold: number): Promise<Evidence | null> {
  try {
    const response = await fetch(runUrl(runId), { headers: { accept: 'application/json' } });
    return response.ok ? parseEvidence(await response.json(), threshold) : null;
  } catch (error) {
    // No network or no JSON: the evidence stays unknown, and the stream tells what is wrong.
    if (error instanceof TypeError || error instanceof SyntaxError) return null;
    throw error;
  }
}
