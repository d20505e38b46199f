import type { Frame } from '../state/frame';
import { formatAge, type Freshness } from '../state/freshness';
import { count, fixed, NONE, significant } from '../state/format';
import { stateName } from '../state/modes';
import { formatPrice, parsePrice } from '../state/price';
import { heldBins, promotedOf, sentence, valueText, type Promoted } from '../state/signal';
import { NEAR_REACH, type Store } from '../state/store';
import type { RuntimeConfigMessage, SignalUpdate } from '../wire/types';
import { byId, setData, setText } from './elements';
import { EvidenceCard } from './evidence';
import { fillMeter, Gauge, type Tone } from './gauge';

/** The gauges at the side: shows the newest bin as the server sent it. */
export class Panel {
  private readonly panel = byId('panel', HTMLElement);
  private readonly stale = byId('panel-stale', HTMLElement);
  private readonly score = byId('signal-score', HTMLElement);
  private readonly scoreMeter = byId('signal-meter', HTMLElement);
  private readonly scoreBar = this.scoreMeter.querySelector('i') ?? this.scoreMeter;
  private readonly ready = byId('signal-ready', HTMLElement);
  private readonly valid = byId('book-valid', HTMLElement);
  private readonly intensity: Record<'bull' | 'bear' | 'mixed', Gauge>;
  private readonly near: Gauge[];
  private readonly evidence = new EvidenceCard();
  private shown: RuntimeConfigMessage | null = null;

  constructor() {
    const intensity = byId('intensity', HTMLElement);
    this.intensity = {
      bull: new Gauge(intensity, 'Bull', 'bull'),
      bear: new Gauge(intensity, 'Bear', 'bear'),
      mixed: new Gauge(intensity, 'Mixed', 'off'),
    };
    const near = byId('near', HTMLElement);
    this.near = [
      new Gauge(near, 'Pressure above', 'pressure'),
      new Gauge(near, 'Vacuum above', 'vacuum'),
      new Gauge(near, 'Pressure below', 'pressure'),
      new Gauge(near, 'Vacuum below', 'vacuum'),
    ];
  }

  draw(store: Store, freshness: Freshness): void {
    const { config } = store.session;
    this.drawFreshness(freshness);
    if (config !== null && config !== this.shown) this.drawServing(config);
    this.shown = config;
    const newest = store.stream?.history.newest;
    if (newest === undefined || config === null) return;
    const promoted = promotedOf(newest.update.signal);
    this.drawPromoted(promoted, newest.update.signal.sample_count);
    const { history, binMs } = store.stream ?? {};
    const held = history === undefined ? 0 : heldBins(history);
    show('signal-words', sentence(promoted, held, binMs ?? 0));
    this.drawStage(newest.update.signal);
    this.evidence.draw(store);
    this.drawBook(newest, config);
    this.drawNear(store);
  }

  private drawFreshness({ live, word, ageMs }: Freshness): void {
    setData(this.panel, 'stale', live ? null : '');
    this.stale.hidden = live;
    if (!live) setText(this.stale, ageMs === null ? word : `${word} · ${formatAge(ageMs)} old`);
  }

  private drawPromoted(promoted: Promoted, samples: number): void {
    const { lean, ready, threshold, value } = promoted;
    setText(this.score, valueText(promoted, 2));
    const tone = value === null ? 'off' : leanTone(lean);
    setData(this.score, 'tone', tone);
    setData(this.scoreMeter, 'tone', tone);
    // The signed meter's bar starts in the middle of the track and is as wide as half of it.
    fillMeter(this.scoreMeter, this.scoreBar, value === null ? 0 : lean, valueText(promoted, 3));
    setText(this.ready, ready ? 'ready' : `warming up · ${count(samples)}`);
    setData(this.ready, 'tone', ready ? 'good' : 'warn');
    show('signal-name', promoted.name);
    show('signal-threshold', threshold === null ? NONE : fixed(threshold, 3));
    const parts = promoted.detail.map(
      ([name, part]) => `${name} ${part === null ? NONE : significant(part, 3)}`,
    );
    show('signal-detail', parts.join(' · ') || NONE);
  }

  private drawStage(signal: SignalUpdate): void {
    show('signal-state', stateName(signal.dominant_state));
    for (const side of ['bull', 'bear', 'mixed'] as const) {
      const value = signal[`${side}_intensity`];
      this.intensity[side].set(Math.abs(value), fixed(value, 3));
    }
  }

  private drawBook(frame: Frame, { config }: RuntimeConfigMessage): void {
    const { update, valid } = frame;
    const decimals = config.price_decimals;
    setText(this.valid, valid ? 'valid' : 'not valid');
    setData(this.valid, 'tone', valid ? 'good' : 'warn');
    const price = (text: string): string => formatPrice(BigInt(text), decimals);
    show('ask-price', valid ? price(update.best_ask_price_int) : NONE);
    show('ask-size', valid ? count(update.best_ask_size) : NONE);
    show('bid-price', valid ? price(update.best_bid_price_int) : NONE);
    show('bid-size', valid ? count(update.best_bid_size) : NONE);
    show('spread', valid ? spreadText(frame, config.tick_size, decimals) : NONE);
    const last = BigInt(update.last_trade_price_int);
    show('last-trade', last > 0n ? formatPrice(last, decimals) : NONE);
    show('volume', `${count(update.buy_volume)} / ${count(update.sell_volume)}`);
    show('events', count(update.bin_event_count));
  }

  private drawNear(store: Store): void {
    const { near } = store;
    show('near-reach', `±${NEAR_REACH} cells`);
    if (near === null) return;
    const values = [near.pressureAbove, near.vacuumAbove, near.pressureBelow, near.vacuumBelow];
    values.forEach((value, index) => {
      this.near[index]?.set(value / store.nearRange, significant(value, 3));
    });
  }

  private drawServing({ serving, config_hash: hash }: RuntimeConfigMessage): void {
    show('serving-alias', serving.alias ?? NONE);
    show('serving-id', serving.serving_id);
    show('serving-run', serving.source_run);
    show('serving-promoted', serving.promoted_at.slice(0, 16).replace('T', ' '));
    show('serving-config', hash.slice(0, 12));
    const versions = Object.entries(serving.versions).map((pair) => pair.join(' '));
    show('serving-versions', versions.join(', ') || NONE);
    for (const id of ['serving-id', 'serving-run', 'serving-versions']) {
      const element = byId(id, HTMLElement);
      element.title = element.textContent;
    }
    byId('serving-config', HTMLElement).title = hash;
  }
}

/** Colour of a value: one near the middle leans to no side, whatever its sign. */
function leanTone(lean: number): Tone {
  if (Math.abs(lean) < 0.1) return 'off';
  return lean > 0 ? 'bull' : 'bear';
}

function spreadText({ update }: Frame, tickSize: string, decimals: number): string {
  const spread = BigInt(update.best_ask_price_int) - BigInt(update.best_bid_price_int);
  const ticks = Number(spread) / Number(parsePrice(tickSize));
  return `${formatPrice(spread, decimals)} · ${fixed(ticks, 0)} ${ticks === 1 ? 'tick' : 'ticks'}`;
}

function show(id: string, text: string): void {
  setText(byId(id, HTMLElement), text);
}
