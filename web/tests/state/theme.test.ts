import { describe, expect, it } from 'vitest';

import { nextThemeChoice, parseThemeChoice, themeOf } from '../../src/state/theme';

describe('theme', () => {
  it('is what the system says until the user chooses', () => {
    expect(parseThemeChoice(null)).toBe('system');
    expect(parseThemeChoice('purple')).toBe('system');
    expect([themeOf('system', true), themeOf('system', false)]).toEqual(['light', 'dark']);
    expect([themeOf('light', false), themeOf('dark', true)]).toEqual(['light', 'dark']);
  });

  it('goes round', () => {
    const second = nextThemeChoice('system');
    const third = nextThemeChoice(second);
    expect(nextThemeChoice(third)).toBe('system');
    expect(new Set(['system', second, third]).size).toBe(3);
  });
});
