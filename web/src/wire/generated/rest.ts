/* Made by `npm run types` from docs/openapi.json. Edits are lost. */

/**
 * Every answer by its name.
 */
export interface RestAnswers {
  DatasetDetail: DatasetDetail;
  DatasetList: DatasetList;
  DatasetRow: DatasetRow;
  Equity: Equity;
  EquityCurve: EquityCurve;
  ErrorAnswer: ErrorAnswer;
  ExperimentFiles: ExperimentFiles;
  ExperimentFile: ExperimentFile;
  Health: Health;
  Permission: Permission;
  PromoteBody: PromoteBody;
  Promoted: Promoted;
  PublishedList: PublishedList;
  PublishedRow: PublishedRow;
  RollbackBody: RollbackBody;
  RunDetail: RunDetail;
  ThresholdFigures: ThresholdFigures;
  Measures: Measures;
  HorizonRow: HorizonRow;
  DayFigures: DayFigures;
  DayLeftOut: DayLeftOut;
  RunList: RunList;
  RunRow: RunRow;
  RunChoices: RunChoices;
  ServingDetail: ServingDetail;
  ServingHistory: ServingHistory;
  ServingEvent: ServingEvent;
  ServingLinks: ServingLinks;
  ServingList: ServingList;
  ServingEntry: ServingEntry;
  StartBody: StartBody;
  Started: Started;
  StopBody: StopBody;
  TradeList: TradeList;
  TradeRow: TradeRow;
  TradeFill: TradeFill;
}
/**
 * What a dataset records of itself: certificate of its replay, what it was made of and by, sizes and digests.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "DatasetDetail".
 */
export interface DatasetDetail {
  dataset_id: string;
  sound: boolean;
  unsound_reasons: string[];
  created_utc: string;
  certificate: {
    [k: string]: unknown;
  };
  sources: {
    [k: string]: unknown;
  };
  counts: {
    [k: string]: unknown;
  };
  identity: {
    [k: string]: unknown;
  };
  versions: {
    [k: string]: unknown;
  };
  config: {
    [k: string]: unknown;
  };
  checksums: {
    [k: string]: string;
  };
  files: {
    [k: string]: number;
  };
}
/**
 * The datasets by id; `problems` says what of their lineage cannot be read.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "DatasetList".
 */
export interface DatasetList {
  datasets: DatasetRow[];
  problems: string[];
}
/**
 * A dataset of the lake, or what an unfinished one left. `status` is whole, unsound, damaged or unfinished, and
 *     `problem` says why. `source` is the raw file, of several with commas between; `runs` were judged on it, `aliases`
 *     serve one of those, `campaigns` asked for it.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "DatasetRow".
 */
export interface DatasetRow {
  dataset_id: string;
  status: string;
  size_bytes: number;
  pipeline: string;
  bins: number;
  source: string;
  source_sha256: string;
  created_utc: string;
  campaigns: string[];
  runs: number;
  aliases: string[];
  problem: string;
}
/**
 * The curves of a row, one a fill model. The embargo is between `choose_end_ns` and `confirm_first_ns`.
 *
 *     Times are null where there is no trade.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "Equity".
 */
export interface Equity {
  run_id: string;
  threshold: number;
  start_ns: number | null;
  choose_end_ns: number | null;
  confirm_first_ns: number | null;
  end_ns: number | null;
  curves: EquityCurve[];
}
/**
 * Sum of the pnl in ticks of the trades that had ended by each time (ns since the epoch, UTC), under one fill
 *     model. Of a curve with more points than asked for every n-th is there, and the last.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "EquityCurve".
 */
export interface EquityCurve {
  model: string;
  trades: number;
  ts_ns: number[];
  total_ticks: number[];
}
/**
 * A request that cannot be answered. `code` is for programs; `parameter` names the one that is wrong, if one is.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ErrorAnswer".
 */
export interface ErrorAnswer {
  type: 'error';
  code: string;
  message: string;
  parameter?: string | null;
}
/**
 * The experiments that can be started, by name.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ExperimentFiles".
 */
export interface ExperimentFiles {
  experiments: ExperimentFile[];
}
/**
 * A spec under the config root: its name and its text.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ExperimentFile".
 */
export interface ExperimentFile {
  name: string;
  text: string;
}
/**
 * Whether the server can do its work: `ok`, `degraded` while an engine run stands failed, a serving's signal is
 *     missing here or the live feed is lost, or `unavailable`. `live` is the state of that feed, where there is one.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "Health".
 */
export interface Health {
  status: string;
  service: string;
  version: string;
  instrument: {
    [k: string]: string;
  };
  digests: {
    [k: string]: string;
  };
  clients: number;
  bins_sent: number;
  bins_skipped: number;
  problems: string[];
  engine_failures: {
    [k: string]: string;
  };
  signals_missing: {
    [k: string]: string;
  };
  live?: {
    [k: string]: unknown;
  } | null;
}
/**
 * Whether whoever asks may change anything here, and if not, why not.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "Permission".
 */
export interface Permission {
  allowed: boolean;
  reason: string;
}
/**
 * Which run an alias is to serve, and why: the gates are those of `vp promote`.
 *
 *     Without `threshold` it is the best of the choosing part. `expected` is what the alias serves now, null for a new
 *     one; it is moved only from there. Left out, from anywhere.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "PromoteBody".
 */
export interface PromoteBody {
  run_id: string;
  reason: string;
  threshold?: number | null;
  accept_unproven?: boolean;
  accept_unsound?: boolean;
  actor?: string | null;
  expected?: string | null;
}
/**
 * What an alias serves now. `verdict` and `doubt` are of the evidence that was published with it.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "Promoted".
 */
export interface Promoted {
  alias: string;
  serving_id: string;
  run_id: string;
  threshold: number;
  verdict: string | null;
  doubt: string | null;
}
/**
 * Every published serving, oldest first.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "PublishedList".
 */
export interface PublishedList {
  published: PublishedRow[];
}
/**
 * A published serving and the aliases that point to it now.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "PublishedRow".
 */
export interface PublishedRow {
  serving_id: string;
  run_id: string;
  experiment: string;
  config_hash: string;
  created: string;
  aliases: string[];
}
/**
 * Why an alias is to serve what it served before. `expected` is what it serves now, if only from there.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "RollbackBody".
 */
export interface RollbackBody {
  reason: string;
  actor?: string | null;
  expected?: string;
}
/**
 * A run with every threshold. `eval` is what it was judged by, `config` its whole runtime config.
 *
 *     `cost` says in words what a round trip pays and who says so, the experiment or the instrument file.
 *     `information` is what its signal says before anything is traded; there is none where the parts are too short. `days`
 *     has a row a day of each threshold where it is of several days; `dataset_id` names them together then, and `config`
 *     is that of the first. `left_out` are days that could not be made.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "RunDetail".
 */
export interface RunDetail {
  run_id: string;
  experiment: string;
  dataset_id: string;
  date: string;
  signal: string;
  params: {
    [k: string]: unknown;
  };
  eval: {
    [k: string]: unknown;
  };
  cost: string;
  config: {
    [k: string]: unknown;
  };
  config_hash: string;
  versions: {
    [k: string]: string;
  };
  choose_first: number;
  choose_end: number;
  confirm_first: number;
  confirm_end: number;
  elapsed_s: number;
  created_utc: string;
  thresholds: ThresholdFigures[];
  information: HorizonRow[];
  days: DayFigures[];
  left_out: DayLeftOut[];
  can_stream: boolean;
  alias: string | null;
  streaming_url: string | null;
  page_url: string | null;
}
/**
 * One threshold of a run.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ThresholdFigures".
 */
export interface ThresholdFigures {
  threshold: number;
  choose: Measures;
  confirm: Measures;
  verdict: ('proven' | 'refuted' | 'unproven') | null;
  doubt: string | null;
  p_corrected: number | null;
  p_error: number | null;
  n_trials: number | null;
  confirmed_low: number | null;
  confirmed_high: number | null;
  n_looks: number | null;
  n_retired: number | null;
  statistic: number | null;
  deflated_sharpe: number | null;
  overfitting: number | null;
  ic: number | null;
  ic_horizon_ms: number | null;
}
/**
 * Section 3 of the evaluation for one part of the time. None where there is nothing to measure.
 *
 *     Rates, `median_time_to_outcome_ms` and `mean_pnl_ticks` are of the mid fills; `net_*` and `profit_factor` of the
 *     cross fills, after costs. `*_low` and `*_high` bound 95 % intervals.
 *
 *     `queue_*` are of passive orders, None on a dataset that does not follow them: how many were filled, their share of
 *     those that joined, the median wait of the filled ones, the mean move of the mid after a fill (in favour of the
 *     position), the net pnl of what was filled, and `queue_missed_pnl_ticks`, the net pnl that those which were not
 *     filled would have had by crossing.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "Measures".
 */
export interface Measures {
  n_signals: number;
  n_up: number;
  n_down: number;
  events_per_hour: number;
  tp_rate: number | null;
  tp_rate_low: number | null;
  tp_rate_high: number | null;
  sl_rate: number | null;
  timeout_rate: number | null;
  median_time_to_outcome_ms: number | null;
  mean_pnl_ticks: number | null;
  mean_pnl_ticks_low: number | null;
  mean_pnl_ticks_high: number | null;
  net_tp_rate: number | null;
  net_sl_rate: number | null;
  net_timeout_rate: number | null;
  net_pnl_ticks: number | null;
  net_pnl_ticks_low: number | null;
  net_pnl_ticks_high: number | null;
  profit_factor: number | null;
  breakeven_tp_rate: number;
  queue_filled?: number | null;
  queue_fill_rate?: number | null;
  queue_median_wait_ms?: number | null;
  queue_move_1s_ticks?: number | null;
  queue_move_5s_ticks?: number | null;
  queue_net_pnl_ticks?: number | null;
  queue_net_pnl_ticks_low?: number | null;
  queue_net_pnl_ticks_high?: number | null;
  queue_missed_pnl_ticks?: number | null;
}
/**
 * What the signal of a run says about the move of the mid over one horizon, on one part (choose, confirm).
 *
 *     `ic` is the rank correlation of value and move, `partial_ic` that of what the baselines `after` leave of both,
 *     `autocorrelation` that of the signal's ranks at this lag. `decile_ticks` has the mean move in ticks of each decile
 *     of the signal, the lowest values first. `*_low` and `*_high` bound 95 % intervals; null is what cannot be measured.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "HorizonRow".
 */
export interface HorizonRow {
  horizon_ms: number;
  ic: number | null;
  ic_low: number | null;
  ic_high: number | null;
  partial_ic: number | null;
  partial_ic_low: number | null;
  partial_ic_high: number | null;
  autocorrelation: number | null;
  decile_ticks: (number | null)[];
  decile_ticks_low: (number | null)[];
  decile_ticks_high: (number | null)[];
  part: string;
  n_samples: number;
  after: string[];
  turnover_per_hour: number | null;
}
/**
 * What one threshold of a run on several days gave on one of them, which is of the part `choose` or `confirm`.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "DayFigures".
 */
export interface DayFigures {
  threshold: number;
  date: string;
  dataset_id: string;
  part: string;
  figures: Measures;
}
/**
 * A day that was asked for and could not be made, and why.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "DayLeftOut".
 */
export interface DayLeftOut {
  date: string;
  reason: string;
}
/**
 * Runs from the one numbered `first` on, of the `total` that match, and what they can be filtered by.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "RunList".
 */
export interface RunList {
  total: number;
  first: number;
  runs: RunRow[];
  choices: RunChoices;
}
/**
 * A run at its best threshold. `date` is that of its capture, YYYY-MM-DD in New York.
 *
 *     `choose` are the figures of the part that was searched, which rank it; `confirm` those of the part that was kept.
 *     `p_corrected` counts all `n_trials` trials on the market, `p_error` is its Monte Carlo error; `confirmed_low` and
 *     `confirmed_high` bound the net pnl of the kept part in ticks at 95 %, corrected for `n_looks` looks at it. `verdict`
 *     is proven, unproven or refuted, and `doubt` says why; `statistic` is what `p_corrected` is of, `deflated_sharpe` and
 *     `overfitting` are probabilities, and `n_retired` runs do not count any more. All of them are null where nothing was
 *     corrected. `ic` is the rank IC of the signal at `ic_horizon_ms`, where the choosing part has its greatest. A run can
 *     be streamed when an alias serves it: `streaming_url` is the address of the stream then, `page_url` of the page.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "RunRow".
 */
export interface RunRow {
  run_id: string;
  experiment: string;
  dataset_id: string;
  date: string;
  signal: string;
  params: {
    [k: string]: unknown;
  };
  threshold: number;
  created_utc: string;
  choose: Measures;
  confirm: Measures;
  verdict: ('proven' | 'refuted' | 'unproven') | null;
  doubt: string | null;
  p_corrected: number | null;
  p_error: number | null;
  n_trials: number | null;
  confirmed_low: number | null;
  confirmed_high: number | null;
  n_looks: number | null;
  n_retired: number | null;
  statistic: number | null;
  deflated_sharpe: number | null;
  overfitting: number | null;
  ic: number | null;
  ic_horizon_ms: number | null;
  can_stream: boolean;
  alias: string | null;
  streaming_url: string | null;
  page_url: string | null;
}
/**
 * What the parameters may be.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "RunChoices".
 */
export interface RunChoices {
  experiment: string[];
  signal: string[];
  dataset_id: string[];
  date: string[];
  sort: string[];
}
/**
 * A published serving: the run it comes from, its whole config, and the evidence it was promoted on.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ServingDetail".
 */
export interface ServingDetail {
  serving_id: string;
  alias: string | null;
  promoted_at: string;
  created_utc: string;
  source: {
    [k: string]: unknown;
  };
  config: {
    [k: string]: unknown;
  };
  sources: {
    [k: string]: unknown;
  };
  versions: {
    [k: string]: string;
  };
  digests: {
    [k: string]: string;
  };
  evidence: {
    [k: string]: unknown;
  };
}
/**
 * The audit trail of an alias, oldest first.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ServingHistory".
 */
export interface ServingHistory {
  alias: string;
  history: ServingEvent[];
}
/**
 * One change of an alias; `from_id` is null for its first.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ServingEvent".
 */
export interface ServingEvent {
  seq: number;
  alias: string;
  kind: string;
  from_id: string | null;
  to_id: string;
  actor: string;
  time: string;
  reason: string;
}
/**
 * The hash chain over a serving's frames, from one bin on.
 *
 *     `before` is the whole link of the bin before `bin_seq`, 64 hex digits; `links` are the first 16 of the links of
 *     `bin_seq` and the bins after it, `head` the last link of all `bins`.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ServingLinks".
 */
export interface ServingLinks {
  serving_id: string;
  bins: number;
  head: string;
  bin_seq: number;
  before: string;
  links: string[];
}
/**
 * Every alias.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ServingList".
 */
export interface ServingList {
  servings: ServingEntry[];
}
/**
 * An alias, the serving it points to, and since when.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "ServingEntry".
 */
export interface ServingEntry {
  alias: string;
  serving_id: string;
  updated: string;
}
/**
 * The YAML of an experiment. The serving and pipeline that it names are those under the server's config root.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "StartBody".
 */
export interface StartBody {
  yaml: string;
}
/**
 * The last experiment that was started here, the `number`-th since the server began.
 *
 *     `state` is idle (none was), running, done, failed or stopped. While it runs it has `done` of `total` of `what`; when
 *     it is done it has its `runs`, `computed` now or `resumed` from earlier. `problem` says why it failed.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "Started".
 */
export interface Started {
  state: 'done' | 'failed' | 'idle' | 'running' | 'stopped';
  experiment: string;
  started_utc: string;
  ended_utc: string;
  what: string;
  done: number;
  total: number;
  runs: string[];
  computed: number;
  resumed: number;
  problem: string;
  number: number;
}
/**
 * Nothing has to be said to stop an experiment.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "StopBody".
 */
export interface StopBody {}
/**
 * Trades of a run in the order that was asked for, from the one numbered `first` on, of `total` there are.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "TradeList".
 */
export interface TradeList {
  run_id: string;
  total: number;
  first: number;
  trades: TradeRow[];
}
/**
 * A trade: `part` is choose or confirm, `side` buy or sell, `event_bin` the bin whose close decided it, of
 *     `dataset_id`: of a run on several days that of its day, whose bins are numbered on from those of the days before.
 *
 *     `mid`, `cross` and `queue` are null where the order was not filled under that fill model: it found no valid book to
 *     trade in, or waited in vain; `queue` also on a dataset that does not follow passive orders.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "TradeRow".
 */
export interface TradeRow {
  threshold: number;
  part: string;
  side: string;
  event_bin: number;
  event_ts_ns: number;
  dataset_id: string;
  mid: TradeFill | null;
  cross: TradeFill | null;
  queue: TradeFill | null;
}
/**
 * A trade under one fill model: bins, times (ns since the epoch, UTC), prices in the quote currency, and its pnl
 *     in ticks after costs. `outcome` is take_profit, stop or timeout.
 *
 * This interface was referenced by `RestAnswers`'s JSON-Schema
 * via the `definition` "TradeFill".
 */
export interface TradeFill {
  outcome: string;
  entry_bin: number;
  entry_ts_ns: number;
  entry_price: number;
  exit_bin: number;
  exit_ts_ns: number;
  exit_price: number;
  pnl_ticks: number;
}
