import {
  OVERLAYS,
  overlaysText,
  parseOverlays,
  type OverlayId,
  type Overlays,
} from '../state/live/overlays';
import { byId, make } from './elements';

const KEY = 'spymaster.overlays';

/** The switches of what lies over the cells of the map; they are kept in the browser. */
export class OverlaySwitches {
  private overlays = parseOverlays(window.localStorage.getItem(KEY));
  /** By overlay: a switch of the list, and for marks that of their card too. */
  private readonly boxes: readonly (readonly [OverlayId, HTMLInputElement])[];

  /** @param show has all charts show these overlays. */
  constructor(private readonly show: (overlays: Overlays) => void) {
    const list = byId('overlays-list', HTMLElement);
    const listed = OVERLAYS.map(([id, name]) => {
      const box = make('input');
      box.type = 'checkbox';
      box.id = `overlay-${id}`;
      const label = make('label');
      label.append(box, ` ${name}`);
      list.append(label);
      return [id, box] as const;
    });
    this.boxes = [...listed, ['marks', byId('marks-shown', HTMLInputElement)]];
    for (const [id, box] of this.boxes) {
      box.addEventListener('change', () => {
        this.set({ ...this.overlays, [id]: box.checked });
      });
    }
    this.set(this.overlays);
  }

  private set(overlays: Overlays): void {
    this.overlays = overlays;
    window.localStorage.setItem(KEY, overlaysText(overlays));
    for (const [id, box] of this.boxes) box.checked = overlays[id];
    this.show(overlays);
  }
}
