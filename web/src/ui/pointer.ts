/** What the pointer can do on the chart; sizes in CSS px. */
export interface PointerActions {
  move(at: { x: number; y: number } | null): void;
  /** Dragged to the right by `dx`. */
  drag(dx: number): void;
  /** Wheel turned: positive steps zoom in. */
  zoom(axis: 'time' | 'price', steps: number): void;
}

/** Wheel movement, in px, that makes one zoom step; a notch of a mouse wheel is about 100. */
const WHEEL_STEP = 80;

/** Turns pointer and wheel events of the chart into actions. */
export function listenToPointer(chart: HTMLElement, actions: PointerActions): void {
  let dragFrom: number | null = null;
  let wheel = 0;
  const at = (event: PointerEvent): { x: number; y: number } => {
    const box = chart.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  chart.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || event.target instanceof HTMLButtonElement) return;
    dragFrom = event.clientX;
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener('pointermove', (event) => {
    if (dragFrom !== null) {
      actions.drag(event.clientX - dragFrom);
      dragFrom = event.clientX;
    }
    actions.move(at(event));
  });
  for (const type of ['pointerup', 'pointercancel'] as const) {
    chart.addEventListener(type, () => {
      dragFrom = null;
    });
  }
  chart.addEventListener('pointerleave', () => {
    actions.move(null);
  });
  chart.addEventListener(
    'wheel',
    (event) => {
      if (event.ctrlKey) return;
      event.preventDefault();
      // With shift held, browsers turn a wheel's movement sideways.
      wheel += event.shiftKey ? event.deltaX + event.deltaY : event.deltaY;
      const steps = Math.trunc(wheel / WHEEL_STEP);
      if (steps === 0) return;
      wheel -= steps * WHEEL_STEP;
      actions.zoom(event.shiftKey ? 'price' : 'time', -steps);
    },
    { passive: false },
  );
}
