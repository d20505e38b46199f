import { describe, expect, it } from 'vitest';

import { parseServings, streamUrl } from '../../src/wire/servings';

describe('parseServings', () => {
  it('reads the aliases of the server', () => {
    const body = { servings: [{ alias: 'demo', serving_id: 'srv_1', promoted_at: 'x' }] };
    expect(parseServings(body)).toEqual([{ name: 'demo', servingId: 'srv_1' }]);
  });

  it('names a serving without an alias by its id, each name once', () => {
    const body = [{ alias: null, serving_id: 'srv_2' }, 'demo', { alias: 'demo' }, 7, null];
    expect(parseServings(body).map((choice) => choice.name)).toEqual(['srv_2', 'demo']);
  });

  it.each([null, 'text', 3, {}, { servings: 'none' }])('finds nothing in %j', (body) => {
    expect(parseServings(body)).toEqual([]);
  });
});

describe('streamUrl', () => {
  it('stays on the host of the page and escapes the name', () => {
    expect(streamUrl({ protocol: 'https:', host: 'desk:8443' }, 'a b&c')).toBe(
      'wss://desk:8443/v1/vacuum-pressure/stream?serving=a%20b%26c',
    );
  });

  it('leads to the preview of a dataset where the name says so', () => {
    expect(streamUrl({ protocol: 'http:', host: 'desk' }, 'preview:es_20231225__a__0f')).toBe(
      'ws://desk/v1/vacuum-pressure/preview?dataset=es_20231225__a__0f',
    );
  });
});
