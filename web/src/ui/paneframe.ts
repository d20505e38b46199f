import type { Freshness } from '../state/freshness';
import { modeOf } from '../state/modes';
import type { Store } from '../state/store';
import { Cover, type CoverActions } from './cover';
import { partOf, setData, setText } from './elements';

export interface PaneFrameActions extends CoverActions {
  follow(): void;
  close(): void;
}

/** What is around and over one chart: its name among several, its cover, and the way back to the newest bin. */
export class PaneFrame {
  private readonly cover: Cover;
  private readonly followButton: HTMLElement;
  private readonly name: HTMLElement;
  private readonly mode: HTMLElement;
  private readonly word: HTMLElement;
  private readonly closeButton: HTMLElement;

  constructor(
    private readonly root: HTMLElement,
    actions: PaneFrameActions,
  ) {
    const part = (name: string): HTMLElement => partOf(root, name, HTMLElement);
    this.cover = new Cover(root, actions);
    this.followButton = part('follow');
    this.name = part('name');
    this.mode = part('mode');
    this.word = part('word');
    this.closeButton = part('close');
    this.followButton.addEventListener('click', () => {
      actions.follow();
    });
    this.closeButton.addEventListener('click', () => {
      actions.close();
    });
  }

  draw(store: Store, freshness: Freshness, drawable: boolean): void {
    this.cover.draw(store, drawable);
    this.followButton.hidden = store.view.edge === null && store.view.centre === null;
    const name = store.session.serving ?? '–';
    const { label } = modeOf(store.view.mode);
    setText(this.name, name);
    setText(this.mode, label);
    setText(this.word, freshness.word);
    setData(this.word, 'tone', freshness.live ? 'good' : 'warn');
    const said = `Chart of ${name}, ${label}`;
    if (this.root.getAttribute('aria-label') === said) return;
    this.root.setAttribute('aria-label', said);
    this.closeButton.setAttribute('aria-label', `Close the chart of ${name}, ${label}`);
  }
}
