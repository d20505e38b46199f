import { byId, make } from './elements';
import { SHORTCUTS } from './keys';

/** The list of keyboard shortcuts, in a dialog. */
export function makeHelp(): { toggle(): void } {
  const dialog = byId('help', HTMLDialogElement);
  const list = byId('help-keys', HTMLElement);
  for (const [keys, what] of SHORTCUTS) {
    const row = make('div');
    const names = make('dd');
    names.append(...keys.map((key) => make('kbd', key)));
    row.append(make('dt', what), names);
    list.append(row);
  }
  const toggle = (): void => {
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };
  byId('help-open', HTMLButtonElement).addEventListener('click', toggle);
  byId('help-close', HTMLButtonElement).addEventListener('click', toggle);
  return { toggle };
}
