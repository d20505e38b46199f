/** A place on the chart, in CSS px from its top left corner. */
export interface Place {
  x: number;
  y: number;
}

/** What the pointer can do on the chart. */
export interface PointerActions {
  move(at: Place | null): void;
  /** Pressed: what lies there is to follow the pointer. */
  grab(at: Place): void;
  /** Dragged; the axes say in which directions the pointer has left the place where it was pressed. */
  drag(at: Place, axes: { time: boolean; price: boolean }): void;
  /** Dragged with Shift held, from one place to another. */
  measure(from: Place, to: Place): void;
  /** Let go. */
  release(): void;
  /** Wheel turned: positive steps zoom in. `shift` was held. */
  zoom(at: Place, steps: number, shift: boolean): void;
  /** Wheel turned sideways, by px. */
  pan(px: number): void;
  /** Pressed twice. */
  home(): void;
}

/** Wheel movement, in device px, that makes one zoom step; a notch of a mouse wheel is about 100. */
const WHEEL_STEP = 80;
/** Movement, in px, below which a press is not yet a drag in that direction. */
const DRAG_PX = 3;

/**
 * Turns pointer and wheel events of the chart into actions.
 *
 * @param origin the chart's top left corner in the window.
 */
export function listenToPointer(
  chart: HTMLElement,
  origin: () => Place,
  actions: PointerActions,
): void {
  let pressed: Place | null = null;
  let axes = { time: false, price: false };
  let measuring = false;
  let wheel = 0;
  const at = (event: MouseEvent): Place => {
    const { x, y } = origin();
    return { x: event.clientX - x, y: event.clientY - y };
  };
  const onControl = ({ target }: Event): boolean =>
    target instanceof Element && target.closest('button, input, .cover, .notice') !== null;
  chart.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || onControl(event)) return;
    pressed = at(event);
    axes = { time: false, price: false };
    chart.setPointerCapture(event.pointerId);
    measuring = event.shiftKey;
    actions.grab(pressed);
  });
  chart.addEventListener('pointermove', (event) => {
    const now = at(event);
    if (pressed !== null) {
      axes = {
        time: axes.time || Math.abs(now.x - pressed.x) > DRAG_PX,
        price: axes.price || Math.abs(now.y - pressed.y) > DRAG_PX,
      };
      if (measuring) actions.measure(pressed, now);
      else if (axes.time || axes.price) actions.drag(now, axes);
    }
    actions.move(now);
  });
  for (const type of ['pointerup', 'pointercancel'] as const) {
    chart.addEventListener(type, () => {
      if (pressed !== null) actions.release();
      pressed = null;
    });
  }
  chart.addEventListener('dblclick', (event) => {
    if (!onControl(event)) actions.home();
  });
  chart.addEventListener('pointerleave', () => {
    actions.move(null);
  });
  chart.addEventListener(
    'wheel',
    (event) => {
      if (event.ctrlKey) return;
      event.preventDefault();
      if (!event.shiftKey && Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        actions.pan(event.deltaX);
        return;
      }
      // With shift held, browsers turn a wheel's movement sideways.
      const turned = event.shiftKey ? event.deltaX + event.deltaY : event.deltaY;
      // What is left of a turn the other way must not swallow a notch.
      wheel = Math.sign(turned) === Math.sign(wheel) ? wheel + turned : turned;
      const stepPx = WHEEL_STEP / Math.max(window.devicePixelRatio, 1);
      const steps = Math.trunc(wheel / stepPx);
      if (steps === 0) return;
      // A notch is one step, and leaves nothing; small movements of a touch pad add up.
      wheel = Math.abs(turned) >= stepPx ? 0 : wheel - steps * stepPx;
      actions.zoom(at(event), -steps, event.shiftKey);
    },
    { passive: false },
  );
}
