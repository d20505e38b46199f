import { byId, make } from './elements';
import { GESTURES, SHORTCUTS } from './keys';

/** The list of keys, and of what the pointer does, in a dialog. */
export function makeHelp(): { toggle(): void } {
  const dialog = byId('help', HTMLDialogElement);
  fill(byId('help-keys', HTMLElement), SHORTCUTS);
  fill(byId('help-pointer', HTMLElement), GESTURES);
  const toggle = (): void => {
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };
  byId('help-open', HTMLButtonElement).addEventListener('click', toggle);
  byId('help-close', HTMLButtonElement).addEventListener('click', toggle);
  return { toggle };
}

function fill(list: HTMLElement, shortcuts: typeof SHORTCUTS): void {
  for (const [keys, what] of shortcuts) {
    const row = make('div');
    const names = make('dd');
    names.append(...keys.map((key) => make('kbd', key)));
    row.append(make('dt', what), names);
    list.append(row);
  }
}
