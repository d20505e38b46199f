import { defineConfig } from 'vitest/config';

import { compressedFiles } from './vite-plugins/compressed.ts';
import { runFirst } from './vite-plugins/runfirst.ts';
import { aliasPage, contentSecurityPolicy } from './vite-plugins/pages.ts';
import { messageValidators } from './vite-plugins/validators.ts';

const STREAM_SERVER = 'http://127.0.0.1:8002';

export default defineConfig({
  base: './',
  plugins: [
    messageValidators(),
    contentSecurityPolicy(),
    runFirst(),
    aliasPage('index.html', 'vacuum-pressure.html'),
    compressedFiles(),
  ],
  build: {
    target: 'es2022',
    // What is imported later is named in the page already.
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_file, files, { hostType }) => (hostType === 'html' ? files : []),
    },
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
