import type { Plugin } from 'vite';

/**
 * Names in a page what its first script imports later on, and has both run before the page is drawn for the first time:
 * what is drawn before that is drawn again at once.
 */
export function runFirst(): Plugin {
  return {
    name: 'run-first',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html, { chunk, bundle }) {
        const later = chunk?.dynamicImports ?? [];
        const known = later.flatMap((file) => {
          const found = bundle?.[file];
          return found?.type === 'chunk'
            ? found.imports.filter((name) => !html.includes(name))
            : [];
        });
        const crossorigin = true;
        return {
          html: html.replaceAll('<script type="module"', '<script type="module" blocking="render"'),
          tags: [
            ...later.map((file) => ({
              tag: 'script',
              attrs: { type: 'module', blocking: 'render', crossorigin, src: `./${file}` },
              injectTo: 'head' as const,
            })),
            ...known.map((file) => ({
              tag: 'link',
              attrs: { rel: 'modulepreload', crossorigin, href: `./${file}` },
              injectTo: 'head' as const,
            })),
          ],
        };
      },
    },
  };
}
