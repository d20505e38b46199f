/** What the user has chosen; `system` is whatever the system says. */
export const THEME_CHOICES = ['system', 'light', 'dark'] as const;

export type ThemeChoice = (typeof THEME_CHOICES)[number];

/** A choice that was kept as text; what is not understood is `system`. */
export function parseThemeChoice(kept: string | null): ThemeChoice {
  return THEME_CHOICES.find((choice) => choice === kept) ?? 'system';
}

/** The choice after this one, around. */
export function nextThemeChoice(choice: ThemeChoice): ThemeChoice {
  return THEME_CHOICES[(THEME_CHOICES.indexOf(choice) + 1) % THEME_CHOICES.length] ?? 'system';
}

/** The theme that a choice comes to. */
export function themeOf(choice: ThemeChoice, systemIsLight: boolean): 'light' | 'dark' {
  if (choice !== 'system') return choice;
  return systemIsLight ? 'light' : 'dark';
}
