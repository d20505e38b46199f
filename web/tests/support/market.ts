import type { Mark } from '../../src/wire/generated/contract';
import type { GridUpdate, RuntimeConfigMessage, SignalUpdate } from '../../src/wire/types';
import { normal, seededRandom } from './random';

/** One bin of the invented market: scalars and the columns of its grid. */
export interface MarketBin {
  update: GridUpdate;
  columns: Record<string, Float64Array>;
}

const CHANNELS = ['add', 'pull', 'fill', 'rest_depth', 'bid_depth', 'ask_depth'] as const;
const TICK = 250_000_000n;
const OPEN_TICK = 23_912;
/** 2026-02-06 09:29 in New York. */
const OPEN_NS = BigInt(Date.UTC(2026, 1, 6, 14, 29)) * 1_000_000n;
const TICKS = 1200;

export const RADIUS = 50;
export const BIN_MS = 100;
export const PROJECTIONS = [250, 500, 1000];

export const FLOAT_FIELDS = [
  'pressure_variant',
  'vacuum_variant',
  'add_mass',
  'pull_mass',
  'fill_mass',
  ...['v', 'a', 'j'].flatMap((order) => CHANNELS.map((channel) => `${order}_${channel}`)),
  'composite',
  'composite_d1',
  'composite_d2',
  'composite_d3',
  'flow_score',
  ...PROJECTIONS.map((ms) => `proj_${ms}`),
];
export const LONG_FIELDS = [
  'rest_depth',
  'bid_depth',
  'ask_depth',
  'last_event_id',
  'buy_volume',
  'sell_volume',
];
export const CODE_FIELDS = ['flow_state_code', 'state5_code'];

export const RUNTIME_CONFIG: RuntimeConfigMessage = {
  type: 'runtime_config',
  contract_version: '1.1',
  config: {
    symbol: 'SYNM6',
    tick_size: '0.25',
    price_decimals: 2,
    grid_radius_ticks: RADIUS,
    cell_width_ms: BIN_MS,
    bucket_size_dollars: null,
    dt: '2026-02-06',
    start_time: '09:29',
    end_time: '10:29',
  },
  grid_fields: [
    { name: 'k', type: 'int32' },
    ...FLOAT_FIELDS.map((name) => ({ name, type: 'float64' })),
    ...LONG_FIELDS.map((name) => ({ name, type: 'int64' })),
    ...CODE_FIELDS.map((name) => ({ name, type: 'int8' })),
  ],
  grid_rows: 2 * RADIUS + 1,
  serving: {
    alias: 'demo',
    serving_id: 'srv_4f1c09a7d2e85b36',
    source_run: 'run_0b7e11c4',
    promoted_at: '2026-02-07T08:15:42Z',
    versions: { vp_book: '0.1.0', vp_spectrum: '0.1.0' },
    digests: { vp_book: 'a3c1', vp_spectrum: '77e0' },
  },
  replay_date: '2026-02-06',
  replay_start_time: '09:30',
  config_hash: '9d1f6b2c77a04e15',
};

interface Quote {
  bid: number;
  ask: number;
}

/** What order-level data show of a bin: one of the kinds every forty bins, and all of them in one bin of 400. */
function marksOf(seq: number, { bid, ask }: Quote): Mark[] {
  const at = (tick: number): string => String(BigInt(tick) * TICK);
  const marks: Mark[] = [
    { kind: 'large', price_int: at(ask + 6), size: 120, side: 'sell', detail: 1 },
    { kind: 'pull', price_int: at(bid - 3), size: 80, side: 'buy', detail: 3 },
    { kind: 'sweep', price_int: at(ask + 2), size: 61, side: 'buy', detail: 3 },
    { kind: 'iceberg', price_int: at(bid), size: 12, side: 'buy', detail: 60 },
  ];
  if (seq % 400 === 80) return marks;
  return seq % 40 === 0 ? marks.slice((seq / 40) % 4, ((seq / 40) % 4) + 1) : [];
}

/**
 * An invented market that looks like one: a wandering spot, walls of depth at fixed prices, bursts of adding and
 * pulling that fade. It exists to exercise the page, its numbers mean nothing.
 */
export class Market {
  private readonly random: () => number;
  private spot = OPEN_TICK + 0.5;
  private drift = 0;
  private seq = 0;
  private eventId = 1000;
  private previous: Quote | null = null;
  private baseBefore = 0;
  private bought = 0;
  private sold = 0;
  private turnover = 0n;
  private score = 0;
  private readonly walls = new Float64Array(TICKS);
  private readonly pressure = new Float64Array(TICKS);
  private readonly vacuum = new Float64Array(TICKS);
  private readonly flow = new Float64Array(TICKS);
  private readonly origin = OPEN_TICK - TICKS / 2;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    for (let tick = 0; tick < TICKS; tick += 1) {
      const round = tick % 20 === 0 ? 160 : tick % 4 === 0 ? 40 : 0;
      this.walls[tick] = 30 + 50 * this.random() + round * this.random();
    }
  }

  next(): MarketBin {
    const seq = this.seq;
    this.seq += 1;
    this.move();
    this.stir();
    // The opening cycle clears the book and builds it up again.
    const valid = seq < 300 || seq >= 322;
    const bid = Math.floor(this.spot);
    const quote = { bid, ask: bid + (this.random() < 0.06 ? 2 : 1) };
    const update = this.scalars(seq, quote, valid);
    const columns = this.cells(quote, update);
    this.previous = valid ? quote : null;
    return { update, columns };
  }

  private move(): void {
    this.drift = this.drift * 0.985 + normal(this.random) * 0.012;
    const centring = (OPEN_TICK + 0.5 - this.spot) * 0.0004;
    this.spot += this.drift + centring + normal(this.random) * 0.16;
  }

  private stir(): void {
    const { pressure, vacuum, flow } = this;
    const at = Math.floor(this.spot) - this.origin;
    for (let tick = 0; tick < TICKS; tick += 1) {
      pressure[tick] = (pressure[tick] ?? 0) * 0.975;
      vacuum[tick] = (vacuum[tick] ?? 0) * 0.975;
      this.walls[tick] = Math.max((this.walls[tick] ?? 0) + normal(this.random) * 1.2, 4);
    }
    for (let burst = 0; burst < 7; burst += 1) {
      const centre = at + Math.round(normal(this.random) * 14);
      const strength = -Math.log(1 - this.random()) * 9;
      const away = centre > at ? 1 : -1;
      const target = away * this.drift * 30 + normal(this.random) > 0 ? vacuum : pressure;
      for (let offset = -3; offset <= 3; offset += 1) {
        const weight = Math.exp(-(offset * offset) / 3);
        target[centre + offset] = (target[centre + offset] ?? 0) + strength * weight;
      }
    }
    for (let tick = 0; tick < TICKS; tick += 1) {
      const p = pressure[tick] ?? 0;
      const v = vacuum[tick] ?? 0;
      const raw = Math.tanh(((p - v) / (p + v + 12)) * 1.6 + normal(this.random) * 0.08);
      flow[tick] = (flow[tick] ?? 0) * 0.8 + raw * 0.2;
    }
  }

  private scalars(seq: number, { bid, ask }: Quote, valid: boolean): GridUpdate {
    const price = (tick: number): string => (valid ? String(BigInt(tick) * TICK) : '0');
    const start = OPEN_NS + BigInt(seq * BIN_MS) * 1_000_000n;
    const end = start + BigInt(BIN_MS) * 1_000_000n;
    const trades = valid && this.random() < 0.22 ? 1 + Math.floor(this.random() * 6) : 0;
    const volume = Math.ceil(trades * (1 - Math.log(1 - this.random()) * 5));
    const buying = this.random() < 0.5 + this.drift * 4;
    const events = Math.floor(40 * this.random());
    this.eventId += events;
    const askMove = this.previous === null ? 0 : ask - this.previous.ask;
    const bidMove = this.previous === null ? 0 : bid - this.previous.bid;
    return {
      type: 'grid_update',
      bin_seq: seq,
      ts_ns: String(end),
      bin_start_ns: String(start),
      bin_end_ns: String(end),
      bin_event_count: events,
      event_id: this.eventId,
      mid_price: valid ? (bid + ask) / 8 : 0,
      spot_ref_price_int: String(BigInt(Math.floor((bid + ask + 1) / 2)) * TICK),
      best_bid_price_int: price(bid),
      best_ask_price_int: price(ask),
      best_bid_size: valid ? Math.ceil(80 * this.random()) : 0,
      best_ask_size: valid ? Math.ceil(80 * this.random()) : 0,
      book_valid: valid,
      trade_count: trades,
      buy_volume: buying ? volume : 0,
      sell_volume: buying ? 0 : volume,
      last_trade_price_int: trades > 0 ? price(buying ? ask : bid) : '0',
      bid_high_price_int: price(bid),
      bid_low_price_int: price(bid),
      ask_high_price_int: price(ask),
      ask_low_price_int: price(ask),
      best_ask_move_ticks: askMove,
      best_bid_move_ticks: bidMove,
      ask_reprice_sign: Math.sign(askMove),
      bid_reprice_sign: Math.sign(bidMove),
      microstate_id: (Math.sign(askMove) + 1) * 3 + Math.sign(bidMove) + 1,
      chase_up_flag: askMove > 0 && bidMove > 0,
      chase_down_flag: askMove < 0 && bidMove < 0,
      ...this.traded(buying ? volume : 0, buying ? 0 : volume, buying ? ask : bid),
      skipped_bins: 0,
      marks: valid ? marksOf(seq, { bid, ask }) : [],
      signal: this.signal(seq),
    };
  }

  /** Volumes and mean price since the start. */
  private traded(
    buy: number,
    sell: number,
    tick: number,
  ): Pick<GridUpdate, 'cum_buy_volume' | 'cum_sell_volume' | 'vwap_price_int'> {
    this.bought += buy;
    this.sold += sell;
    this.turnover += BigInt(buy + sell) * BigInt(tick) * TICK;
    const volume = BigInt(this.bought + this.sold);
    return {
      cum_buy_volume: this.bought,
      cum_sell_volume: this.sold,
      vwap_price_int: volume === 0n ? '0' : String(this.turnover / volume),
    };
  }

  private signal(seq: number): SignalUpdate {
    const base = Math.tanh(this.drift * 6);
    const d1 = base - this.baseBefore;
    this.baseBefore = base;
    this.score = this.score * 0.9 + Math.tanh(base + d1 * 8) * 0.1;
    return {
      name: 'imbalance',
      kind: 'signed',
      value: seq < 60 ? null : this.score,
      state: seq < 60 ? 0 : this.score >= 0.25 ? 1 : this.score <= -0.25 ? -1 : 0,
      threshold: 0.25,
      detail: { base, slope: d1 },
      score: seq < 60 ? 0 : this.score,
      ready: seq >= 60,
      sample_count: Math.min(seq, 240),
      base,
      d1,
      d2: 0,
      d3: 0,
      z1: d1 * 20,
      z2: 0,
      z3: 0,
      bull_intensity: Math.max(base, 0) * 0.8 + 0.1,
      bear_intensity: Math.max(-base, 0) * 0.8 + 0.1,
      mixed_intensity: 0.1 + 0.1 * this.random(),
      dominant_state: base > 0.3 ? 2 : base > 0.05 ? 1 : base < -0.3 ? -2 : base < -0.05 ? -1 : 0,
    };
  }

  private cells(quote: Quote, update: GridUpdate): Record<string, Float64Array> {
    const rows = 2 * RADIUS + 1;
    const names = ['k', ...FLOAT_FIELDS, ...LONG_FIELDS, ...CODE_FIELDS];
    const columns = Object.fromEntries(names.map((name) => [name, new Float64Array(rows)]));
    const set = (name: string, row: number, value: number): void => {
      const column = columns[name];
      if (column === undefined) throw new RangeError(`there is no column ${name}`);
      column[row] = value;
    };
    const spot = Number(BigInt(update.spot_ref_price_int) / TICK);
    for (let row = 0; row < rows; row += 1) {
      const k = row - RADIUS;
      const tick = spot + k;
      const at = tick - this.origin;
      const p = this.pressure[at] ?? 0;
      const v = this.vacuum[at] ?? 0;
      const score = this.flow[at] ?? 0;
      const near = 1 - Math.exp(-Math.abs(tick - this.spot) / 5);
      const depth = Math.round((this.walls[at] ?? 0) * near);
      set('k', row, k);
      set('pressure_variant', row, p);
      set('vacuum_variant', row, v);
      set('add_mass', row, p * 2.2);
      set('pull_mass', row, v * 1.7);
      set('fill_mass', row, Math.exp(-Math.abs(k)) * update.trade_count);
      set('v_add', row, p * 0.4);
      set('v_pull', row, v * 0.35);
      set('v_rest_depth', row, (p - v) * 0.1);
      set('composite', row, (p - v) / (p + v + 1e-12));
      set('flow_score', row, score);
      set('flow_state_code', row, score > 0.15 ? 1 : score < -0.15 ? -1 : 0);
      set('state5_code', row, stateCode(update, k));
      set('bid_depth', row, tick <= quote.bid ? depth : 0);
      set('ask_depth', row, tick >= quote.ask ? depth : 0);
      set('rest_depth', row, tick <= quote.bid || tick >= quote.ask ? depth : 0);
      set('last_event_id', row, update.event_id);
      set('buy_volume', row, tick === quote.ask ? update.buy_volume : 0);
      set('sell_volume', row, tick === quote.bid ? update.sell_volume : 0);
      for (const ms of PROJECTIONS) set(`proj_${ms}`, row, score * Math.exp(-ms / 2000));
    }
    return columns;
  }
}

function stateCode(
  { ask_reprice_sign: ask, bid_reprice_sign: bid }: GridUpdate,
  k: number,
): number {
  if (k === 0 || (ask === 0 && bid === 0) || (ask < 0 && bid > 0)) return 0;
  const bull = bid > 0 && ask >= 0;
  if (bull) return k > 0 ? 2 : 1;
  return k > 0 ? -1 : -2;
}
