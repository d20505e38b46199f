import { parseClosed, withClosed } from '../state/tools/cards';
import { byId, make, setData } from './elements';

const KEY = 'spymaster.cards';

interface Card {
  name: string;
  element: HTMLElement;
  toggle: HTMLButtonElement;
}

/** The cards of the panel: each is closed and opened by its head. What is closed is in the address and in the browser. */
export class Cards {
  private readonly cards: readonly Card[];
  private closed: ReadonlySet<string>;

  constructor() {
    this.cards = [...byId('panel', HTMLElement).querySelectorAll<HTMLElement>('.card')].flatMap(
      (element) => {
        const head = element.querySelector('header h2');
        const name = head?.textContent ?? '';
        if (head === null) return [];
        const toggle = make('button', name, 'card-toggle');
        toggle.type = 'button';
        toggle.addEventListener('click', () => {
          this.turn(name);
        });
        head.replaceChildren(toggle);
        return [{ name: nameOf(name), element, toggle }];
      },
    );
    const kept = window.localStorage.getItem(KEY);
    this.closed = parseClosed(window.location.search) ?? new Set(kept?.split(' '));
    this.draw();
  }

  /** A query with what is closed. */
  named(query: string): string {
    return withClosed(query, this.closed);
  }

  private turn(head: string): void {
    const closed = new Set(this.closed);
    const name = nameOf(head);
    if (!closed.delete(name)) closed.add(name);
    this.closed = closed;
    window.localStorage.setItem(KEY, [...closed].join(' '));
    window.history.replaceState(null, '', this.named(window.location.search));
    this.draw();
  }

  private draw(): void {
    for (const { name, element, toggle } of this.cards) {
      const closed = this.closed.has(name);
      setData(element, 'closed', closed ? '' : null);
      toggle.setAttribute('aria-expanded', String(!closed));
    }
  }
}

function nameOf(head: string): string {
  return head.toLowerCase().replaceAll(' ', '-');
}
