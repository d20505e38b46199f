/** Moving pictures: what a browser shows, made into one animated WebP by ffmpeg. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Page } from 'playwright-core';

interface Frame {
  png: Buffer;
  seconds: number;
}

export interface FilmFormat {
  /** Device px. */
  width: number;
  /** Pictures a second. */
  rate: number;
  /** From 0, small, to 100. */
  quality: number;
}

/** Pictures that follow one another, each shown for a time of its own. */
export class Film {
  private readonly frames: Frame[] = [];

  /** Adds what the page shows now. */
  async still(page: Page, seconds: number): Promise<void> {
    this.frames.push({ png: await page.screenshot(), seconds });
  }

  /** Adds what the page shows from now on, at its own pace. */
  async record(page: Page, seconds: number): Promise<void> {
    const client = await page.context().newCDPSession(page);
    const shown: { png: Buffer; at: number }[] = [];
    client.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
      const at = metadata.timestamp ?? Date.now() / 1000;
      shown.push({ png: Buffer.from(data, 'base64'), at });
      void client.send('Page.screencastFrameAck', { sessionId });
    });
    await client.send('Page.startScreencast', { format: 'png' });
    await page.waitForTimeout(seconds * 1000);
    await client.send('Page.stopScreencast');
    await client.detach();
    const endAt = (shown[0]?.at ?? 0) + seconds;
    shown.forEach(({ png, at }, index) => {
      const until = Math.min(shown[index + 1]?.at ?? endAt, endAt);
      if (until > at) this.frames.push({ png, seconds: until - at });
    });
  }

  /** Writes an animated WebP that begins again after its end. */
  async write(path: string, { width, rate, quality }: FilmFormat): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'film-'));
    try {
      const lines = ['ffconcat version 1.0'];
      for (const [index, { png, seconds }] of this.frames.entries()) {
        const name = `${index}.png`;
        await writeFile(join(folder, name), png);
        lines.push(`file ${name}`, `duration ${seconds.toFixed(3)}`);
      }
      // The last one has its duration only when something follows it.
      lines.push(`file ${this.frames.length - 1}.png`);
      const list = join(folder, 'frames.txt');
      await writeFile(list, lines.join('\n'));
      const filter = `fps=${rate},scale=${width}:-2:flags=lanczos`;
      const encoder = ['-c:v', 'libwebp_anim', '-quality', String(quality), '-loop', '0'];
      await promisify(execFile)('ffmpeg', [
        ...['-y', '-loglevel', 'error', '-f', 'concat', '-i', list, '-vf', filter],
        ...[...encoder, '-compression_level', '6', path],
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

/** Run in a page before its own script: a ring shows where the pointer is, which pictures leave out. */
export const POINTER = `
  addEventListener('DOMContentLoaded', () => {
    const ring = document.createElement('div');
    Object.assign(ring.style, {
      position: 'fixed', left: '-99px', top: '-99px', width: '20px', height: '20px', margin: '-13px 0 0 -13px',
      border: '3px solid #ffd84d', borderRadius: '50%', boxShadow: '0 0 0 2px #0008', pointerEvents: 'none', zIndex: 9999,
    });
    document.body.append(ring);
    addEventListener('mousemove', ({ clientX, clientY }) => {
      Object.assign(ring.style, { left: clientX + 'px', top: clientY + 'px' });
    }, true);
  });
`;
