/**
 * The messages of `/v1/vacuum-pressure/stream`, field for field as `vp_contract` defines them.
 *
 * Prices are integers of 1e-9 of the quote currency and times int64 ns since the epoch (UTC); both may
 * exceed 2^53, so on the wire they are decimal strings. Unknown fields are ignored by readers.
 */

/** A decimal string of a signed 64-bit integer. */
export type Int64Text = string;

/** The part of the resolved runtime config that the page reads. */
export interface RuntimeConfig {
  symbol: string;
  /** Smallest price step, in currency, as an exact decimal ("0.25"). */
  tick_size: string;
  price_decimals: number;
  grid_radius_ticks: number;
  cell_width_ms: number;
  /** Price span of one cell where a cell is several ticks (equities), in currency; null when it is one tick. */
  bucket_size_dollars: string | null;
}

export interface GridField {
  name: string;
  type: string;
}

/** Which published serving the stream shows. */
export interface ServingInfo {
  alias: string | null;
  serving_id: string;
  source_run: string | null;
  promoted_at: string | null;
  versions: Record<string, string>;
  digests: Record<string, string>;
}

export interface RuntimeConfigMessage {
  type: 'runtime_config';
  contract_version: string;
  config: RuntimeConfig;
  grid_fields: GridField[];
  /** Rows of every grid: 2 * grid_radius_ticks + 1. */
  grid_rows: number;
  serving: ServingInfo;
  replay_date: string | null;
  replay_start_time: string | null;
  config_hash: string;
}

/** Output of the derivative stage for one bin. */
export interface SignalFields {
  name: string;
  /** In [-1, 1]; not meaningful until `ready`. */
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
  /** A five-state code, -2..2. */
  dominant_state: number;
}

/** Per-bin scalars. The bin covers [bin_start_ns, bin_end_ns); all state is read at its end. */
export interface GridUpdate {
  type: 'grid_update';
  bin_seq: number;
  ts_ns: Int64Text;
  bin_start_ns: Int64Text;
  bin_end_ns: Int64Text;
  bin_event_count: number;
  event_id: number;
  /** 0 when the book is not valid. */
  mid_price: number;
  spot_ref_price_int: Int64Text;
  best_bid_price_int: Int64Text;
  best_ask_price_int: Int64Text;
  best_bid_size: number;
  best_ask_size: number;
  book_valid: boolean;
  trade_count: number;
  buy_volume: number;
  sell_volume: number;
  last_trade_price_int: Int64Text;
  bid_high_price_int: Int64Text;
  bid_low_price_int: Int64Text;
  ask_high_price_int: Int64Text;
  ask_low_price_int: Int64Text;
  best_ask_move_ticks: number;
  best_bid_move_ticks: number;
  ask_reprice_sign: number;
  bid_reprice_sign: number;
  microstate_id: number;
  chase_up_flag: boolean;
  chase_down_flag: boolean;
  /** Bins the server left out just before this one because this client was slow. */
  skipped_bins: number;
  signal: SignalFields;
}

export interface StreamEnd {
  type: 'stream_end';
  bins: number;
}

export interface ErrorMessage {
  type: 'error';
  code: string;
  message: string;
}

export type ServerMessage = RuntimeConfigMessage | GridUpdate | StreamEnd | ErrorMessage;

export type ClientMessage =
  | { type: 'pause' }
  | { type: 'resume' } /** Change over when the alias is moved to another serving. */
  | { type: 'follow' }
  | { type: 'seek'; bin_seq: number };

/** Equal for two streams exactly when bins of the same number hold the same. */
export function streamIdentity({ serving, config_hash: hash }: RuntimeConfigMessage): string {
  return `${serving.serving_id} ${hash}`;
}

/** WebSocket close codes the server uses, with the meaning it gives them. */
export const CLOSE = {
  finished: 1000,
  shutdown: 1001,
  refused: 1008,
  tooLarge: 1009,
  engineFailed: 1011,
  full: 1013,
} as const;

/** Contract major version this page understands. */
export const CONTRACT_MAJOR = 1;
