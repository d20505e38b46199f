import { defineConfig } from 'vitest/config';

import { compressedFiles } from './vite-plugins/compressed.ts';
import { aliasPage, contentSecurityPolicy } from './vite-plugins/pages.ts';
import { messageValidators } from './vite-plugins/validators.ts';

const STREAM_SERVER = 'http://127.0.0.1:8002';

export default defineConfig({
  base: './',
  plugins: [
    messageValidators(),
    contentSecurityPolicy(),
    aliasPage('index.html', 'vacuum-pressure.html'),
    compressedFiles(),
  ],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'experiments.html'] },
  },
  worker: { format: 'es', plugins: () => [messageValidators()] },
  server: { proxy: { '/v1': { target: STREAM_SERVER, ws: true } } },
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/properties.ts'],
    environment: 'node',
    testTimeout: process.env.PROPERTY_RUNS === undefined ? 20_000 : 600_000,
  },
});
