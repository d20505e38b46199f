/** One run: its evidence, figures and trades. */
import type { RunDetail, ThresholdFigures, TradeList, TradeRow } from '../../wire/generated/rest';
import { PREVIEW } from '../../wire/servings';
import { ask } from '../api';
import { dayByDay, daysOf } from '../days';
import { h } from '../dom';
import { bothParts, evidenceOf, judged, type Figure } from '../evidence';
import { choiceFigure, decileFigure, equityFigure, horizonFigures } from '../figures';
import { addressOf, changed, numberOf, type Place } from '../place';
import { promotion } from '../promote';
import { factsOf, pagerOf, tableOf, type Column } from '../table';
import { anything, clock, fixedPrice, minute, percent, plain, short, ticks, whole } from '../words';
import { runAddress, verdictOf } from './runs';

const PAGE = 25;
const NS_PER_MS = 1e6;

/** Where a run is told of. */
export function runPath(runId: string): string {
  return `/v1/experiments/runs/${encodeURIComponent(runId)}`;
}

/** The row of a threshold that the address names; else the one with the best statistic, as in the list. */
export function rowOf(run: RunDetail, threshold: string | undefined): ThresholdFigures | null {
  const named = run.thresholds.find((row) => String(row.threshold) === threshold);
  if (named !== undefined) return named;
  const ranked = run.thresholds.toSorted(
    (a, b) => (b.statistic ?? -Infinity) - (a.statistic ?? -Infinity),
  );
  return ranked[0] ?? null;
}

function figureTable(
  caption: string,
  head: readonly string[],
  rows: readonly Figure[],
): HTMLElement {
  return tableOf(
    caption,
    head.map((label, i) => ({ label, title: label, cell: (row: Figure) => row[i] ?? '' })),
    rows,
  );
}

function datasetLink(id: string): HTMLElement {
  return h('a', { href: addressOf('datasets', { dataset: id }) }, id);
}

function thresholds(run: RunDetail, chosen: ThresholdFigures): HTMLElement {
  const columns: Column<ThresholdFigures>[] = [
    {
      label: 'Threshold',
      title: 'The threshold of the signal',
      number: true,
      cell: (row) =>
        row === chosen
          ? h('b', {}, plain(row.threshold))
          : h('a', { href: runAddress(run.run_id, row.threshold) }, plain(row.threshold)),
    },
    { label: 'Verdict', title: 'Whether it is proven', cell: verdictOf },
    {
      label: 'Corrected p',
      title: 'Corrected for all trials',
      number: true,
      cell: (row) => short(row.p_corrected),
    },
    {
      label: 'Net, chosen',
      title: 'Mean net pnl of a trade in the choosing part, ticks',
      number: true,
      cell: (row) => ticks(row.choose.net_pnl_ticks),
    },
    {
      label: 'Net, confirmed',
      title: 'Mean net pnl of a trade in the confirming part, ticks',
      number: true,
      cell: (row) => ticks(row.confirm.net_pnl_ticks),
    },
    {
      label: 'Target rate',
      title: 'Share of trades of the choosing part that reach the target',
      number: true,
      cell: (row) => percent(row.choose.tp_rate),
    },
    {
      label: 'Signals',
      title: 'Trades of the choosing and of the confirming part',
      number: true,
      cell: (row) => `${whole(row.choose.n_signals)} + ${whole(row.confirm.n_signals)}`,
    },
  ];
  return tableOf('Thresholds of the run', columns, run.thresholds);
}

/** The datasets of a run: of several days one each, in order of time. */
export function datasetsOf(run: RunDetail): string[] {
  const ofDays = [...new Set(run.days.map((day) => day.dataset_id))];
  return ofDays.length === 0 ? [run.dataset_id] : ofDays;
}

/**
 * The map of a dataset of a run: of what serves the run, which of several days is the last, else the preview of the
 * dataset.
 */
function mapOf(run: RunDetail, dataset: string): string {
  const served = dataset === datasetsOf(run).at(-1) ? run.alias : null;
  const shown = served ?? `${PREVIEW}${dataset}`;
  return `./vacuum-pressure.html?serving=${encodeURIComponent(shown)}`;
}

/** The address of the moment at which a trade was decided: the bin that its close ended. */
export function mapAddress(run: RunDetail, trade: TradeRow): string | null {
  const width = run.config.cell_width_ms;
  if (typeof width !== 'number') return null;
  const at = clock(trade.event_ts_ns - width * NS_PER_MS).replace(/\.000$/, '');
  return `${mapOf(run, trade.dataset_id)}&at=${at}&paused=1`;
}

function tradeColumns(run: RunDetail): Column<TradeRow>[] {
  const decimals = typeof run.config.price_decimals === 'number' ? run.config.price_decimals : 2;
  const price = (value: number | undefined): string => fixedPrice(value, decimals);
  return [
    {
      label: 'New York time',
      sort: 'event_ts_ns',
      title: 'When the bin closed that decided it; leads to that moment on the map',
      cell: (row) => {
        const address = mapAddress(run, row);
        const date = run.days.find((day) => day.dataset_id === row.dataset_id)?.date;
        const words = [date, clock(row.event_ts_ns)].filter(Boolean).join(' ');
        return address === null ? words : h('a', { href: address, class: 'moment' }, words);
      },
    },
    { label: 'Part', sort: 'part', title: 'Choosing or confirming part', cell: (row) => row.part },
    { label: 'Side', sort: 'side', title: 'Buy or sell', cell: (row) => row.side },
    {
      label: 'Entry',
      number: true,
      title: 'Price of the entry when crossing the spread, quote currency',
      cell: (row) => price(row.cross?.entry_price),
    },
    {
      label: 'Exit',
      number: true,
      title: 'Price of the exit when crossing the spread, quote currency',
      cell: (row) => price(row.cross?.exit_price),
    },
    {
      label: 'Held, s',
      number: true,
      title: 'Seconds from entry to exit when crossing the spread',
      cell: (row) =>
        row.cross === null ? '–' : short((row.cross.exit_ts_ns - row.cross.entry_ts_ns) / 1e9),
    },
    {
      label: 'Outcome',
      sort: 'cross_outcome',
      title: 'Target, stop or timeout when crossing the spread',
      cell: (row) => row.cross?.outcome.replace('_', ' ') ?? 'not filled',
    },
    {
      label: 'Net, ticks',
      sort: 'cross_pnl_ticks',
      number: true,
      title: 'Pnl in ticks when crossing the spread, after costs',
      cell: (row) => ticks(row.cross?.pnl_ticks),
    },
    {
      label: 'At the mid, ticks',
      sort: 'mid_pnl_ticks',
      number: true,
      title: 'Pnl in ticks at the mid, which nobody gets',
      cell: (row) => ticks(row.mid?.pnl_ticks),
    },
    {
      label: 'Passively, ticks',
      sort: 'queue_pnl_ticks',
      number: true,
      title:
        'Pnl in ticks when entering passively by the true queue, after costs; – where not filled',
      cell: (row) => ticks(row.queue?.pnl_ticks),
    },
  ];
}

function trades(place: Place, run: RunDetail, found: TradeList): HTMLElement {
  const by = place.query.sort ?? 'event_ts_ns';
  const order = place.query.order === 'descending' ? 'descending' : 'ascending';
  const links =
    run.alias === null
      ? 'A click on a time leads to that moment on the map of its dataset: a preview, for nothing serves the run.'
      : `A click on a time leads to that moment on the map of ${run.alias}.`;
  return h(
    'section',
    { id: 'trades' },
    h('h2', {}, 'Trades'),
    h('p', { class: 'said' }, `${exitRule(run)} ${links}`),
    tableOf('Trades, one by one', tradeColumns(run), found.trades, {
      by,
      order,
      address: (sort, turned) => changed(place, { sort, order: turned, first: null }),
    }),
    pagerOf(found.first, found.trades.length, found.total, PAGE, (to) =>
      changed(place, { first: to === 0 ? null : String(to) }),
    ),
  );
}

/** The trade of a row that gained most when crossing the spread; null where there is none, or trades cannot be made. */
async function bestTrade(
  run: RunDetail,
  threshold: number,
  signal: AbortSignal,
): Promise<TradeRow | null> {
  const query = { threshold, sort: 'cross_pnl_ticks', order: 'descending', count: 1 };
  const found = await ask('TradeList', `${runPath(run.run_id)}/trades`, query, signal).catch(
    () => null,
  );
  return found?.trades.find(({ cross }) => cross !== null) ?? null;
}

/** The way to the moment of the best trade. */
function bestMoment(run: RunDetail, best: TradeRow | null): HTMLElement | null {
  const address = best && mapAddress(run, best);
  if (best === null || address === null) return null;
  const gained = ticks(best.cross?.pnl_ticks);
  const at = clock(best.event_ts_ns).slice(0, 8);
  return h(
    'a',
    { href: address, class: 'best', title: 'The trade that gained most when crossing the spread' },
    `Best trade on the map: ${best.side} at ${at}, ${gained} ticks`,
  );
}

function exitRule({ eval: rule, cost, config }: RunDetail): string {
  const [hold, width] = [rule.max_hold_bins, config.cell_width_ms];
  const seconds =
    typeof hold === 'number' && typeof width === 'number' ? short((hold * width) / 1000) : '–';
  return `A trade ends ${anything(rule.tp_ticks)} ticks in favour, ${anything(rule.sl_ticks)} against, or after ${seconds} s. Besides the spread it pays ${cost}.`;
}

function settings(caption: string, values: Readonly<Record<string, unknown>>): HTMLElement {
  const facts = Object.entries(values).map(([name, value]) => [name, anything(value)] as const);
  return facts.length === 0
    ? h('p', { class: 'caption' }, `${caption}: defaults`)
    : factsOf(caption, facts);
}

export async function showRun(
  place: Place,
  signal: AbortSignal,
  go: (address: string) => void,
): Promise<Node[]> {
  const id = place.query.run ?? '';
  const run = await ask('RunDetail', `${runPath(id)}/detail`, {}, signal);
  const row = rowOf(run, place.query.threshold);
  if (row === null) return [h('h2', {}, run.signal), h('p', {}, 'The run has no threshold.')];
  const threshold = row.threshold;
  const last = datasetsOf(run).at(-1) ?? run.dataset_id;
  const [best, equity, promoted, listed] = await Promise.all([
    bestTrade(run, threshold, signal),
    ask('Equity', `${runPath(id)}/equity`, { threshold }, signal).catch(() => null),
    promotion(run, row, signal, () => {
      go(changed(place, {}));
    }),
    ask(
      'TradeList',
      `${runPath(id)}/trades`,
      {
        threshold,
        sort: place.query.sort ?? 'event_ts_ns',
        order: place.query.order === 'descending' ? 'descending' : 'ascending',
        first: numberOf(place, 'first', 0),
        count: PAGE,
      },
      signal,
    ).catch((error: unknown) => (error instanceof Error ? error.message : String(error))),
  ]);
  const both = bothParts(row).map(([name, text, sentence]): Figure => [
    name,
    text(row.choose),
    text(row.confirm),
    sentence,
  ]);
  return [
    h('h2', {}, `${run.signal} at ${plain(threshold)}`),
    h(
      'p',
      { class: 'said' },
      `Run ${run.run_id} of experiment ${run.experiment} on ${daysOf(run)}, stored ${minute(run.created_utc)} UTC. `,
      ...(run.days.length === 0 ? ['Dataset ', datasetLink(run.dataset_id), '.'] : []),
    ),
    judged(row),
    h(
      'p',
      { class: 'links' },
      h(
        'a',
        { href: mapOf(run, last) },
        run.alias === null ? 'Preview of its dataset on the map' : `Map of ${run.alias}`,
      ),
      bestMoment(run, best),
      h('a', { href: addressOf('compare', { run: run.run_id }) }, 'Compare with another run'),
    ),
    h(
      'section',
      {},
      figureTable(
        'Evidence',
        ['Figure', 'Value', '95 % interval', 'What it says'],
        evidenceOf(run, row),
      ),
    ),
    h(
      'section',
      {},
      figureTable(
        'Choosing and confirming, with 95 % intervals',
        ['Figure', 'Choosing', 'Confirming', 'What it says'],
        both,
      ),
    ),
    ...dayByDay(run, row),
    h(
      'section',
      { class: 'figures' },
      choiceFigure(row),
      equity && equityFigure(equity, run),
      ...horizonFigures(run.information),
      decileFigure(run.information, row.ic_horizon_ms),
    ),
    typeof listed === 'string'
      ? h('section', {}, h('h2', {}, 'Trades'), h('p', { class: 'failure', role: 'alert' }, listed))
      : trades(place, run, listed),
    promoted,
    h('section', {}, thresholds(run, row)),
    h(
      'section',
      { class: 'figures' },
      h('div', {}, settings('Parameters of the signal', run.params)),
      h('div', {}, settings('Judged by', run.eval)),
      h('div', {}, settings('Versions', run.versions)),
    ),
    h(
      'section',
      {},
      h(
        'details',
        {},
        h('summary', {}, 'Whole configuration'),
        settings('Configuration', run.config),
      ),
    ),
  ];
}
