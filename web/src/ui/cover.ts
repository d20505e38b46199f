import type { SessionState } from '../state/session';
import type { Store } from '../state/store';
import { make, partOf, setData, setText } from './elements';

/** What the user can do from the cover. */
export interface CoverActions {
  choose(serving: string): void;
  retry(): void;
  dismiss(): void;
}

interface CoverContent {
  title: string;
  text: string;
  /** Nothing is under way. */
  still: boolean;
}

/** What lies over the chart when there is nothing to draw, and the notices above it. */
export class Cover {
  private readonly cover: HTMLElement;
  private readonly title: HTMLElement;
  private readonly text: HTMLElement;
  private readonly buttons: HTMLElement;
  private readonly notice: HTMLElement;
  private readonly noticeTitle: HTMLElement;
  private readonly noticeDetail: HTMLElement;
  private readonly banner: HTMLElement;
  private buttonsFor = '';

  /** @param root what the chart lies in. */
  constructor(
    root: Element,
    private readonly actions: CoverActions,
  ) {
    const part = (name: string): HTMLElement => partOf(root, name, HTMLElement);
    this.cover = part('cover');
    this.title = part('cover-title');
    this.text = part('cover-text');
    this.buttons = part('cover-actions');
    this.notice = part('notice');
    this.noticeTitle = part('notice-title');
    this.noticeDetail = part('notice-detail');
    this.banner = part('banner');
    part('notice-close').addEventListener('click', () => {
      actions.dismiss();
    });
  }

  draw(store: Store, drawable: boolean): void {
    const { session } = store;
    setData(this.cover, 'open', String(!drawable));
    if (!drawable) this.drawCover(session);
    this.drawNotice(session, drawable);
    const newest = store.stream?.history.newest;
    this.banner.hidden = !drawable || newest === undefined || newest.valid;
  }

  private drawCover(session: SessionState): void {
    const { title, text, still } = coverContent(session);
    setText(this.title, title);
    setText(this.text, text);
    setData(this.cover, 'still', String(still));
    const key = `${session.phase} ${session.choices.map((choice) => choice.name).join(' ')}`;
    if (key === this.buttonsFor) return;
    this.buttonsFor = key;
    this.buttons.replaceChildren(...this.makeButtons(session));
  }

  private makeButtons({ phase, choices }: SessionState): HTMLButtonElement[] {
    const button = (label: string, onClick: () => void): HTMLButtonElement => {
      const element = make('button', label);
      element.type = 'button';
      element.addEventListener('click', onClick);
      return element;
    };
    const choiceButtons = choices.map(({ name }) =>
      button(name, () => {
        this.actions.choose(name);
      }),
    );
    if (phase === 'choosing') return choiceButtons;
    if (phase !== 'refused') return [];
    const retry = button('Try again', () => {
      this.actions.retry();
    });
    return [retry, ...choiceButtons];
  }

  private drawNotice({ notice, phase }: SessionState, drawable: boolean): void {
    // The cover itself says it when there is nothing else to see.
    this.notice.hidden = notice === null || (!drawable && phase !== 'waiting');
    if (notice === null) return;
    setText(this.noticeTitle, notice.title);
    setText(this.noticeDetail, notice.detail);
  }
}

function coverContent({ phase, serving, notice, config }: SessionState): CoverContent {
  switch (phase) {
    case 'choosing':
      return {
        title: 'Choose a serving',
        text: 'The server offers several promoted servings.',
        still: true,
      };
    case 'connecting':
      return {
        title: 'Connecting',
        text: `Opening the stream of ${serving ?? '…'}.`,
        still: false,
      };
    case 'waiting':
    case 'streaming':
      return {
        title: 'Waiting for data',
        text: `Connected to ${serving ?? 'the stream'} (${config?.config.symbol ?? '…'}). The map starts with the first bin that has a price; a first run may have to warm up.`,
        still: false,
      };
    case 'ended':
      return { title: 'Nothing to show', text: 'The replay ended without a bin.', still: true };
    case 'retrying':
      return {
        title: notice?.title ?? 'No connection',
        text: notice?.detail ?? 'The page connects again by itself.',
        still: false,
      };
    case 'refused':
      return {
        title: notice?.title ?? 'The server refused the connection',
        text: notice?.detail ?? '',
        still: true,
      };
  }
}
