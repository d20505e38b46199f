import { count, fixed } from '../state/format';
import type { Store } from '../state/store';
import { byId, setData, setText } from './elements';

/** How the page itself is doing. */
export interface PageStats {
  drawn: number;
  /** Mean script time of recent frames, ms. */
  frameMs: number;
  renderer: string;
}

/** The line at the foot: counters of the stream and of the page. */
export class Status {
  draw(store: Store, stats: PageStats): void {
    const { counters } = store.session;
    const head = store.stream?.history.head ?? -1;
    show('stat-bin', head >= 0 ? `#${head}` : '–');
    show('stat-received', count(counters.received));
    show('stat-drawn', count(stats.drawn));
    show('stat-frame', `${fixed(stats.frameMs, 1)} ms`);
    show('stat-renderer', stats.renderer);
    warnWhenAny('skipped', counters.skipped);
    warnWhenAny('invalid', counters.invalid);
    warnWhenAny('unreadable', counters.unreadable);
  }
}

function warnWhenAny(name: string, value: number): void {
  show(`stat-${name}`, count(value));
  setData(byId(`stat-${name}-item`, HTMLElement), 'tone', value > 0 ? 'warn' : null);
}

function show(id: string, text: string): void {
  setText(byId(id, HTMLElement), text);
}
