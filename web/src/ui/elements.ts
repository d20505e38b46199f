/**
 * An element of the page by id.
 *
 * @throws {Error} when the markup has no such element of that kind: page and script do not belong together.
 */
export function byId<T extends Element>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${kind.name} with the id "${id}"`);
}

/**
 * The part of an element that has this name (`data-part`).
 *
 * @throws {Error} when it has no such part of that kind.
 */
export function partOf<T extends Element>(root: Element, name: string, kind: new () => T): T {
  const element = root.querySelector(`[data-part="${name}"]`);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${kind.name} with the part "${name}"`);
}

/** Sets a text only when it differs, so that an unchanged page costs no layout; the node of a text stays where there is one. */
export function setText(element: Element, text: string): void {
  const { firstChild: node } = element;
  if (!(node instanceof Text) || node.nextSibling !== null) element.textContent = text;
  else if (node.data !== text) node.data = text;
}

/** Sets or removes a data attribute, only when it differs. */
export function setData(element: HTMLElement, name: string, value: string | null): void {
  if (value === null) {
    if (name in element.dataset) element.removeAttribute(`data-${name}`);
  } else if (element.dataset[name] !== value) {
    element.dataset[name] = value;
  }
}

/** A new element with text and a class. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  text = '',
  className = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (text !== '') element.textContent = text;
  if (className !== '') element.className = className;
  return element;
}

/**
 * What a canvas is drawn with.
 *
 * @throws {Error} when the browser gives none.
 */
export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser gives no 2D canvas context');
  return context;
}
