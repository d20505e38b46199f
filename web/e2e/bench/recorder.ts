/** What is put into a page before its own script. */

declare global {
  interface Window {
    /** When the first picture with a bin in it had been drawn, ms since the navigation began. */
    __firstDrawMs: number | null;
    /** When the first picture without a hole had been drawn, ms since the first byte of the page. */
    __wholeMs: number | null;
  }
}

/** Notes when the first picture with a bin in it was drawn, and the first of a map without a hole. */
export const FIRST_DRAW = `
  globalThis.__firstDrawMs = globalThis.__wholeMs = null;
  const frame = globalThis.requestAnimationFrame.bind(globalThis);
  globalThis.requestAnimationFrame = (callback) =>
    frame((nowMs) => {
      callback(nowMs);
      if (globalThis.__firstDrawMs === null && globalThis.__vp?.drawn > 0)
        globalThis.__firstDrawMs = performance.now();
      if (globalThis.__firstDrawMs === null || globalThis.__wholeMs !== null) return;
      const { view, missing } = globalThis.__vp;
      const [{ responseStart }] = performance.getEntriesByType('navigation');
      if (view !== null && missing === 0) globalThis.__wholeMs = performance.now() - responseStart;
    });
`;

/** Functions given to the page refer to the first helper of the compiler. */
export const HELPERS = 'globalThis.__name = (what) => what;';

/** Leaves out what turns drawing commands into pixels: in a headless browser that is work of the processor. */
export const NO_RASTER = `
  const leaveOut = (kind, names) => {
    for (const name of names) kind.prototype[name] = () => undefined;
  };
  leaveOut(CanvasRenderingContext2D, [
    'fill', 'stroke', 'fillRect', 'strokeRect', 'clearRect', 'fillText', 'strokeText', 'drawImage', 'putImageData',
  ]);
  leaveOut(WebGL2RenderingContext, ['drawArrays', 'texImage2D', 'texSubImage2D']);
`;
