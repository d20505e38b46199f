import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { FakeServer } from './server';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8123' },
    rate: { type: 'string', default: '10' },
    bins: { type: 'string', default: '36000' },
    servings: { type: 'string', default: 'demo' },
    pages: { type: 'string' },
  },
});

const server = new FakeServer({
  port: Number(values.port),
  rate: Number(values.rate),
  bins: Number(values.bins),
  servings: values.servings.split(','),
  pages: values.pages ?? fileURLToPath(new URL('../../dist', import.meta.url)),
});
console.log(`http://${await server.listen()}/`);
