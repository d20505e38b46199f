import { describe, expect, it } from 'vitest';

import { isSpace, keyCommand, turnsSwitch } from '../../src/ui/keys';

function press(key: string, extra: object = {}): ReturnType<typeof keyCommand> {
  return keyCommand({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    target: null,
    ...extra,
  });
}

/** Something focused, as far as the keys look at it. */
function focused(tagName: string): object {
  return { target: Object.assign(new EventTarget(), { tagName }) };
}

describe('keyCommand', () => {
  it.each([
    [' ', { kind: 'toggle_play' }],
    ['R', { kind: 'restart' }],
    ['2', { kind: 'mode', mode: 'force' }],
    ['j', { kind: 'skip', seconds: -30 }],
    ['ArrowLeft', { kind: 'pan', share: -0.1 }],
    ['ArrowUp', { kind: 'pan_price', share: 0.1 }],
    ['End', { kind: 'latest' }],
  ])('knows %j', (key, command) => {
    expect(press(key)).toEqual(command);
  });

  it('leaves other keys, shortcuts of the browser and text fields alone', () => {
    expect(press('y')).toBeNull();
    expect(press('9')).toBeNull();
    expect(press('r', { ctrlKey: true })).toBeNull();
    expect(press('r', focused('INPUT'))).toBeNull();
    expect(press('r', focused('SELECT'))).toBeNull();
    expect(press(' ', focused('INPUT'))).toBeNull();
    expect(press('r', focused('BUTTON'))).toEqual({ kind: 'restart' });
  });

  it('takes Space for pause wherever the focus is, once a press', () => {
    for (const tagName of ['BUTTON', 'SELECT', 'DIV']) {
      expect(press(' ', focused(tagName))).toEqual({ kind: 'toggle_play' });
    }
    const box = Object.assign(new EventTarget(), { tagName: 'INPUT', type: 'checkbox' });
    expect(press(' ', { target: box })).toEqual({ kind: 'toggle_play' });
    expect([isSpace, turnsSwitch].map((is) => is({ key: ' ', target: box }))).toEqual([
      true,
      false,
    ]);
    expect(turnsSwitch({ key: 'Enter', target: box })).toBe(true);
    expect(turnsSwitch({ key: 'Enter', target: null })).toBe(false);
    expect(press(' ', { repeat: true })).toBeNull();
    expect(press('ArrowLeft', { repeat: true })).toMatchObject({ kind: 'pan' });
  });

  it('leaves arrow keys to radio groups and sliders', () => {
    const radio = { tagName: 'BUTTON', getAttribute: () => 'radio' };
    const target = Object.assign(new EventTarget(), radio);
    expect(press('ArrowRight', { target })).toBeNull();
    const slider = Object.assign(new EventTarget(), { tagName: 'INPUT', type: 'range' });
    expect(press('ArrowRight', { target: slider })).toBeNull();
    expect(press(' ', { target: slider })).toEqual({ kind: 'toggle_play' });
  });
});
