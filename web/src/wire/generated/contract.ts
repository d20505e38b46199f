/* Made by `npm run types` from the JSON Schema of vp_contract. Edits are lost. */

export type VacuumPressureStream = ServerMessage | ClientMessage;
export type ServerMessage =
  RuntimeConfigMessage | GridUpdate | StreamEnd | ErrorMessage | HistoryEnd | SpeedSet;
export type ClientMessage = Pause | Resume | Seek | Ack | Follow | History | Speed;

/**
 * The first message of a stream: what the following bins are.
 *
 * `frames` is absent where the server does not know what they should be, and from servers before it was added.
 */
export interface RuntimeConfigMessage {
  type: 'runtime_config';
  contract_version: string;
  config: RuntimeConfig;
  grid_fields: GridField[];
  grid_rows: number;
  serving: ServingInfo;
  replay_date: string;
  replay_start_time: string;
  config_hash: string;
  frames?: FramesInfo;
}
/**
 * Every resolved value of one run. Made by `resolve`; change one with `replace`, which checks again.
 *
 * The capture is [start_time, end_time) from New York date `dt` on; an end at or before the start is of the next day
 * (`end_dt`). Prices are decimal text in the quote currency; `bucket_size_dollars` None means a cell is one tick.
 * `serving` is None for a pipeline resolved alone. For the signal `derivative`, `signal_params` always holds all
 * parameters of the derivative stage, equal to the `state_model_*` fields.
 */
export interface RuntimeConfig {
  grid_radius_ticks?: number;
  cell_width_ms?: number;
  n_absolute_ticks?: number;
  large_size?: number;
  tau_velocity?: number;
  tau_acceleration?: number;
  tau_jerk?: number;
  tau_rest_decay?: number;
  c1_v_add?: number;
  c2_v_rest_pos?: number;
  c3_a_add?: number;
  c4_v_pull?: number;
  c5_v_fill?: number;
  c6_v_rest_neg?: number;
  c7_a_pull?: number;
  /**
   * @minItems 1
   * @maxItems 16
   */
  flow_windows?: number[];
  /**
   * @minItems 1
   * @maxItems 16
   */
  flow_rollup_weights?: number[];
  /**
   * @minItems 3
   * @maxItems 3
   */
  flow_derivative_weights?: [number, number, number];
  flow_tanh_scale?: number;
  flow_neutral_threshold?: number;
  flow_zscore_window_bins?: number;
  flow_zscore_min_periods?: number;
  /**
   * @maxItems 32
   */
  projection_horizons_ms?: number[];
  projection_use_cubic?: boolean;
  projection_cubic_scale?: number;
  projection_damping_lambda?: number;
  state_model_center_exclusion_radius?: number;
  state_model_spatial_decay_power?: number;
  state_model_zscore_window_bins?: number;
  state_model_zscore_min_periods?: number;
  state_model_tanh_scale?: number;
  state_model_d1_weight?: number;
  state_model_d2_weight?: number;
  state_model_d3_weight?: number;
  state_model_bull_pressure_weight?: number;
  state_model_bull_vacuum_weight?: number;
  state_model_bear_pressure_weight?: number;
  state_model_bear_vacuum_weight?: number;
  state_model_mixed_weight?: number;
  product_type: 'equity_mbo' | 'future_mbo';
  symbol: string;
  symbol_root: string;
  tick_size: string;
  bucket_size_dollars?: string | null;
  contract_multiplier?: number;
  qty_unit?: 'contracts' | 'shares';
  price_decimals?: number;
  dt: string;
  start_time: string;
  end_time: string;
  publisher?: number | null;
  on_damage?: 'refuse' | 'until_damage';
  on_short?: 'end_early' | 'refuse';
  max_silence_s?: number | null;
  pipeline: string;
  serving?: string | null;
  signal_name?: string;
  signal_params?: {
    [k: string]: boolean | number | string | (boolean | number | string)[] | null;
  };
  signal_weights?: {
    [k: string]: number;
  };
}
/**
 * A column of the binary grid and its Arrow type.
 */
export interface GridField {
  name: string;
  type: string;
}
/**
 * Which published serving a stream shows. `alias` is None when it was asked for by id.
 */
export interface ServingInfo {
  alias: string | null;
  serving_id: string;
  source_run: string;
  promoted_at: string;
  versions: {
    [k: string]: string;
  };
  digests: {
    [k: string]: string;
  };
}
/**
 * The hash chain over the frames that a serving was judged on (`FrameChain`): its last link, 64 hex digits.
 */
export interface FramesInfo {
  bins: number;
  head: string;
}
/**
 * The scalars of one bin, [bin_start_ns, bin_end_ns); the binary grid of the same bin follows at once.
 *
 * `skipped_bins` is how many bins before this one were left out for this client. `history` is there, and true, in a
 * bin that the client asked for with `history`; `every` then says how many bins it stands for, if it is more than one:
 * its counts and volumes are their sums, its highs and lows those of all of them, it begins where the first one does,
 * and everything else is that of the last one. `marks` are at most 16, the largest first; of a bin that stands for
 * several they are the largest of all of these. They are absent where the server knows of none at all.
 */
export interface GridUpdate {
  type: 'grid_update';
  bin_seq: number;
  ts_ns: string;
  bin_start_ns: string;
  bin_end_ns: string;
  bin_event_count: number;
  event_id: number;
  mid_price: number;
  spot_ref_price_int: string;
  best_bid_price_int: string;
  best_ask_price_int: string;
  best_bid_size: number;
  best_ask_size: number;
  book_valid: boolean;
  trade_count: number;
  buy_volume: number;
  sell_volume: number;
  last_trade_price_int: string;
  bid_high_price_int: string;
  bid_low_price_int: string;
  ask_high_price_int: string;
  ask_low_price_int: string;
  best_ask_move_ticks: number;
  best_bid_move_ticks: number;
  ask_reprice_sign: number;
  bid_reprice_sign: number;
  microstate_id: number;
  chase_up_flag: boolean;
  chase_down_flag: boolean;
  cum_buy_volume?: number;
  cum_sell_volume?: number;
  vwap_price_int?: string;
  signal: SignalUpdate;
  skipped_bins?: number;
  history?: boolean;
  every?: number;
  marks?: Mark[];
}
/**
 * The promoted signal at one bin, and the output of the derivative stage beside it.
 *
 * The promoted signal has `name`, `kind` (`signed`, or the `probability` of up), `value`, `ready`, `state` (1 up, -1
 * down, 0 neither), the `threshold` of that, and `detail`: its parts by the names it declares. `value` means little
 * until `ready`. It is null where the signal has no finite number, and so is a part. All other members are of the
 * derivative stage; its `dominant_state` is -2..2. Earlier servers sent the derivative stage alone, and `name` and
 * `ready` were its own.
 */
export interface SignalUpdate {
  name: string;
  score: number;
  ready: boolean;
  sample_count: number;
  base: number;
  d1: number;
  d2: number;
  d3: number;
  z1: number;
  z2: number;
  z3: number;
  bull_intensity: number;
  bear_intensity: number;
  mixed_intensity: number;
  dominant_state: number;
  kind?: 'probability' | 'signed';
  value?: number | null;
  state?: number;
  threshold?: number;
  detail?: {
    [k: string]: number | null;
  };
}
/**
 * Something of a bin that only order-level data show: an iceberg, a sweep, a large trade or order, a pull.
 *
 * Members in the order of `MARK_COLUMNS`, where their units and meanings are. A reader leaves out kinds that it does
 * not know: a new minor version may add some.
 */
export interface Mark {
  kind: string;
  price_int: string;
  size: number;
  side: string;
  detail: number;
}
/**
 * The replay is over after `bins` bins.
 */
export interface StreamEnd {
  type: 'stream_end';
  bins: number;
}
/**
 * Something is refused or has failed. `code` is for programs, `message` for people.
 */
export interface ErrorMessage {
  type: 'error';
  code: string;
  message: string;
}
/**
 * All of a `history` was sent: `bins` messages for the bins `from` to `to`.
 */
export interface HistoryEnd {
  type: 'history_end';
  from: number;
  to: number;
  every: number;
  bins: number;
}
/**
 * The client's own speed from now on.
 */
export interface SpeedSet {
  type: 'speed';
  value: number;
}
/**
 * Send no bins until resumed.
 */
export interface Pause {
  type: 'pause';
}
/**
 * Go on from where it was paused.
 */
export interface Resume {
  type: 'resume';
}
/**
 * Go on from bin `bin_seq`.
 */
export interface Seek {
  type: 'seek';
  bin_seq: number;
}
/**
 * The client has handled everything up to bin `bin_seq`.
 */
export interface Ack {
  type: 'ack';
  bin_seq: number;
}
/**
 * Change over when the alias is moved to another serving.
 */
export interface Follow {
  type: 'follow';
}
/**
 * Send the bins `from` to `to`, both included, once more, newest first, beside the stream; as many as there are.
 *
 * With `every` n > 1 there is one for each n bins (those of a stretch from a multiple of n on). Another request takes
 * the place of one that is not answered yet. At most `MAX_HISTORY_BINS` are sent for one.
 */
export interface History {
  type: 'history';
  from: number;
  to: number;
  every?: number;
}
/**
 * Play `value` times as fast as the market was, for this client alone. Only a replay can be.
 */
export interface Speed {
  type: 'speed';
  value: number;
}

/** Contract version of these types, major.minor. */
export const CONTRACT_VERSION = '1.1';

/** WebSocket close codes of the server, by what they mean. */
export const CLOSE = {
  finished: 1000,
  shutdown: 1001,
  refused: 1008,
  tooLarge: 1009,
  engineFailed: 1011,
  full: 1013,
} as const;

/** Where the stream is on its server. */
export const STREAM_PATH = '/v1/vacuum-pressure/stream';

/** Where datasets that nobody promoted are. */
export const PREVIEW_PATH = '/v1/vacuum-pressure/preview';

/** Columns of every grid; a `proj_<ms>` per horizon comes after them. */
export type GridColumn =
  | 'k'
  | 'pressure_variant'
  | 'vacuum_variant'
  | 'add_mass'
  | 'pull_mass'
  | 'fill_mass'
  | 'rest_depth'
  | 'bid_depth'
  | 'ask_depth'
  | 'v_add'
  | 'v_pull'
  | 'v_fill'
  | 'v_rest_depth'
  | 'v_bid_depth'
  | 'v_ask_depth'
  | 'a_add'
  | 'a_pull'
  | 'a_fill'
  | 'a_rest_depth'
  | 'a_bid_depth'
  | 'a_ask_depth'
  | 'j_add'
  | 'j_pull'
  | 'j_fill'
  | 'j_rest_depth'
  | 'j_bid_depth'
  | 'j_ask_depth'
  | 'last_event_id'
  | 'buy_volume'
  | 'sell_volume'
  | 'composite'
  | 'composite_d1'
  | 'composite_d2'
  | 'composite_d3'
  | 'flow_score'
  | 'flow_state_code'
  | 'state5_code'
  ;
