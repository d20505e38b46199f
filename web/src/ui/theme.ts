import { usePalette } from '../render/palette';
import { nextThemeChoice, parseThemeChoice, themeOf, type ThemeChoice } from '../state/theme';
import { byId } from './elements';

const KEY = 'spymaster.theme';
const NAMES: Readonly<Record<ThemeChoice, string>> = {
  system: 'as the system',
  light: 'light',
  dark: 'dark',
};

/** Light and dark: what the system says or the user has chosen, which is kept. */
export class ThemeSwitch {
  private readonly button = byId('theme', HTMLButtonElement);
  private readonly systemIsLight = window.matchMedia('(prefers-color-scheme: light)');
  private choice = parseThemeChoice(window.localStorage.getItem(KEY));

  /** @param changed called when everything is to be drawn in other colours. */
  constructor(private readonly changed: () => void) {
    this.button.addEventListener('click', () => {
      this.next();
    });
    this.systemIsLight.addEventListener('change', () => {
      this.apply();
    });
    this.apply();
  }

  next(): void {
    this.choice = nextThemeChoice(this.choice);
    window.localStorage.setItem(KEY, this.choice);
    this.apply();
  }

  private apply(): void {
    const { choice } = this;
    if (choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    const label = `Theme: ${NAMES[choice]}`;
    this.button.setAttribute('aria-label', label);
    this.button.title = `${label} (T)`;
    usePalette(themeOf(choice, this.systemIsLight.matches));
    this.changed();
  }
}
