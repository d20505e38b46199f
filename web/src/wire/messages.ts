import { ContractVersionError, WireError } from './errors';
import { Fields } from './fields';
import type {
  ErrorMessage,
  GridField,
  GridUpdate,
  RuntimeConfigMessage,
  ServerMessage,
  SignalUpdate,
} from './types';
import { CONTRACT_VERSION } from './types';

const MAJOR = /^(\d+)\.\d+$/;

/**
 * Reads one text message of the server.
 *
 * @returns the message, or null for a type this page does not know (a newer server may send more).
 * @throws {WireError} when it is not JSON, or a field is missing or of another kind.
 * @throws {ContractVersionError} when a config is of another major version.
 */
export function parseServerMessage(text: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WireError(`text message is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const type = Fields.of(value, 'message').text('type');
  const fields = Fields.of(value, type);
  switch (type) {
    case 'grid_update':
      return gridUpdate(fields);
    case 'runtime_config':
      return runtimeConfig(fields);
    case 'stream_end':
      return { type, bins: fields.integer('bins', 0) };
    case 'error':
      return errorMessage(fields);
    default:
      return null;
  }
}

function errorMessage(fields: Fields): ErrorMessage {
  return { type: 'error', code: fields.text('code'), message: fields.text('message') };
}

function runtimeConfig(fields: Fields): RuntimeConfigMessage {
  const version = fields.text('contract_version');
  checkVersion(version);
  const config = fields.object('config');
  const serving = fields.object('serving');
  const radius = config.integer('grid_radius_ticks', 1);
  const rows = fields.integer('grid_rows', 1);
  if (rows !== 2 * radius + 1) {
    throw new WireError(
      `runtime_config.grid_rows is ${rows}; a grid_radius_ticks of ${radius} needs ${2 * radius + 1}`,
    );
  }
  return {
    type: 'runtime_config',
    contract_version: version,
    config: {
      symbol: config.text('symbol'),
      tick_size: config.text('tick_size'),
      price_decimals: config.integer('price_decimals', 0),
      grid_radius_ticks: radius,
      cell_width_ms: config.integer('cell_width_ms', 1),
      bucket_size_dollars: config.nullableText('bucket_size_dollars'),
    },
    grid_fields: fields.list('grid_fields').map(gridField),
    grid_rows: rows,
    serving: {
      alias: serving.nullableText('alias'),
      serving_id: serving.text('serving_id'),
      source_run: serving.text('source_run'),
      promoted_at: serving.text('promoted_at'),
      versions: serving.textMap('versions'),
      digests: serving.textMap('digests'),
    },
    replay_date: fields.text('replay_date'),
    replay_start_time: fields.text('replay_start_time'),
    config_hash: fields.text('config_hash'),
  };
}

/** A newer minor version adds what this page does not know, and may be read; a major version changes meanings. */
function checkVersion(version: string): void {
  const ours = MAJOR.exec(CONTRACT_VERSION)?.[1];
  if (MAJOR.exec(version)?.[1] === ours) return;
  throw new ContractVersionError(
    `The server speaks version "${version}" of the stream's contract, this page ${ours}.x. ` +
      'Reload the page; if that does not help, the page and the server are of different releases.',
  );
}

function gridField(value: unknown, index: number): GridField {
  const field = Fields.of(value, `runtime_config.grid_fields[${index}]`);
  return { name: field.text('name'), type: field.text('type') };
}

function gridUpdate(f: Fields): GridUpdate {
  return {
    type: 'grid_update',
    bin_seq: f.integer('bin_seq', 0),
    ts_ns: f.int64('ts_ns'),
    bin_start_ns: f.int64('bin_start_ns'),
    bin_end_ns: f.int64('bin_end_ns'),
    bin_event_count: f.integer('bin_event_count', 0),
    event_id: f.integer('event_id', 0),
    mid_price: f.number('mid_price'),
    spot_ref_price_int: f.int64('spot_ref_price_int'),
    best_bid_price_int: f.int64('best_bid_price_int'),
    best_ask_price_int: f.int64('best_ask_price_int'),
    best_bid_size: f.integer('best_bid_size', 0),
    best_ask_size: f.integer('best_ask_size', 0),
    book_valid: f.flag('book_valid'),
    trade_count: f.integer('trade_count', 0),
    buy_volume: f.integer('buy_volume', 0),
    sell_volume: f.integer('sell_volume', 0),
    last_trade_price_int: f.int64('last_trade_price_int'),
    bid_high_price_int: f.int64('bid_high_price_int'),
    bid_low_price_int: f.int64('bid_low_price_int'),
    ask_high_price_int: f.int64('ask_high_price_int'),
    ask_low_price_int: f.int64('ask_low_price_int'),
    best_ask_move_ticks: f.integer('best_ask_move_ticks'),
    best_bid_move_ticks: f.integer('best_bid_move_ticks'),
    ask_reprice_sign: f.integer('ask_reprice_sign'),
    bid_reprice_sign: f.integer('bid_reprice_sign'),
    microstate_id: f.integer('microstate_id'),
    chase_up_flag: f.flag('chase_up_flag'),
    chase_down_flag: f.flag('chase_down_flag'),
    skipped_bins: f.has('skipped_bins') ? f.integer('skipped_bins', 0) : 0,
    signal: signalUpdate(f.object('signal')),
  };
}

function signalUpdate(f: Fields): SignalUpdate {
  return {
    name: f.text('name'),
    score: f.number('score'),
    ready: f.flag('ready'),
    sample_count: f.integer('sample_count', 0),
    base: f.number('base'),
    d1: f.number('d1'),
    d2: f.number('d2'),
    d3: f.number('d3'),
    z1: f.number('z1'),
    z2: f.number('z2'),
    z3: f.number('z3'),
    bull_intensity: f.number('bull_intensity'),
    bear_intensity: f.number('bear_intensity'),
    mixed_intensity: f.number('mixed_intensity'),
    dominant_state: f.integer('dominant_state'),
  };
}
