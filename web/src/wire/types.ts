/**
 * The messages of `/v1/vacuum-pressure/stream` as this page holds them: generated from `vp_contract`, with what the
 * page fills in or leaves out.
 *
 * Prices are integers of 1e-9 of the quote currency and times int64 ns since the epoch (UTC); both may exceed 2^53,
 * so they are decimal strings.
 */
import type * as contract from './generated/contract';

export { CLOSE, CONTRACT_VERSION, PREVIEW_PATH, STREAM_PATH } from './generated/contract';
export type {
  ClientMessage,
  ErrorMessage,
  GridColumn,
  History,
  HistoryEnd,
  GridField,
  ServingInfo,
  SignalUpdate,
  SpeedSet,
  StreamEnd,
} from './generated/contract';

/** The part of the resolved runtime config that the page reads. */
export type RuntimeConfig = Pick<
  Required<contract.RuntimeConfig>,
  | 'symbol'
  | 'tick_size'
  | 'price_decimals'
  | 'grid_radius_ticks'
  | 'cell_width_ms'
  | 'bucket_size_dollars'
  | 'dt'
  | 'start_time'
  | 'end_time'
>;

export type RuntimeConfigMessage = Omit<contract.RuntimeConfigMessage, 'config'> & {
  config: RuntimeConfig;
};

/** A bin's scalars, with 0 for what the server leaves out; `history` is there only in what was asked for with it. */
export type GridUpdate = Required<Omit<contract.GridUpdate, 'history' | 'every' | 'marks'>> &
  Pick<contract.GridUpdate, 'history' | 'every' | 'marks'>;

export type ServerMessage =
  | RuntimeConfigMessage
  | GridUpdate
  | contract.StreamEnd
  | contract.ErrorMessage
  | contract.HistoryEnd
  | contract.SpeedSet;

/** Whether the server of this stream answers `history` and `speed`; those of contract 1.0 do not know them. */
export function answersHistory({ contract_version: version }: RuntimeConfigMessage): boolean {
  return Number(version.split('.')[1]) >= 1;
}

/** Equal for two streams exactly when bins of the same number hold the same. */
export function streamIdentity({ serving, config_hash: hash }: RuntimeConfigMessage): string {
  return `${serving.serving_id} ${hash}`;
}
