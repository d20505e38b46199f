import type { Plugin } from 'vite';

/** Content security policy of the built page: itself, its own worker and its own server, nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Puts the content security policy into built pages (not in dev, where Vite injects styles inline). */
export function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/**
 * Serves one HTML page under a second name, so that its markup exists once.
 *
 * The built `source` is copied to `alias`; in dev the request is rewritten.
 */
export function aliasPage(source: string, alias: string): Plugin {
  return {
    name: 'alias-page',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        if (request.url?.split('?')[0] === `/${alias}`) {
          request.url = request.url.replace(alias, source);
        }
        next();
      });
    },
    generateBundle: {
      // After Vite's own HTML plugin, which emits the source page in this hook.
      order: 'post',
      handler(_options, bundle) {
        const page = bundle[source];
        if (page?.type !== 'asset') {
          throw new Error(`page ${source} was not built, so ${alias} cannot be made from it`);
        }
        this.emitFile({ type: 'asset', fileName: alias, source: page.source });
      },
    },
  };
}
