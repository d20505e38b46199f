import { make, setData, setText } from './elements';

export type Tone = 'bull' | 'bear' | 'pressure' | 'vacuum' | 'off';

/** A labelled bar with its number; nothing moves but the bar and the digits. */
export class Gauge {
  private readonly value: HTMLElement;
  private readonly meter: HTMLElement;
  private readonly bar: HTMLElement;

  constructor(parent: HTMLElement, label: string, tone: Tone) {
    const row = make('div', '', 'gauge');
    this.value = make('span', '–', 'num');
    this.meter = make('div', '', 'meter');
    this.meter.setAttribute('role', 'meter');
    this.meter.setAttribute('aria-label', label);
    this.meter.setAttribute('aria-valuemin', '0');
    setData(this.meter, 'tone', tone);
    this.bar = make('i');
    this.meter.append(this.bar);
    row.append(make('span', label), this.meter, this.value);
    parent.append(row);
  }

  /** @param share 0..1 of the bar; `text` is the number shown. */
  set(share: number, text: string): void {
    fillMeter(this.meter, this.bar, Math.min(Math.max(share, 0), 1), text);
    setText(this.value, text);
  }
}

/** Sets a meter's bar; a signed meter's bar grows from the middle to either side. */
export function fillMeter(
  meter: HTMLElement,
  bar: HTMLElement,
  share: number,
  valueText: string,
): void {
  bar.style.transform = `scaleX(${share.toFixed(4)})`;
  meter.setAttribute('aria-valuenow', share.toFixed(3));
  meter.setAttribute('aria-valuetext', valueText);
}
