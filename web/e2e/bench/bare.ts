/**
 * Pages to which nobody listens. A driver of a browser is told of every message that comes over a WebSocket, and a page
 * that takes hundreds at once is slower by half for that.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { WebSocket } from 'ws';

import { EXECUTABLE, FLAGS } from '../lab';

interface Answer {
  id?: number;
  result?: unknown;
  error?: { message: string };
}

/** A connection of the debugging protocol. */
class Session {
  private last = 0;
  private readonly waiting = new Map<number, (answer: Answer) => void>();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer;
      if (answer.id !== undefined) this.waiting.get(answer.id)?.(answer);
    });
  }

  static async open(url: string): Promise<Session> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await new Promise((done, failed) => socket.once('open', done).once('error', failed));
    return new Session(socket);
  }

  async ask(method: string, params: object = {}): Promise<unknown> {
    this.last += 1;
    const id = this.last;
    const answered = new Promise<Answer>((done) => this.waiting.set(id, done));
    this.socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    this.waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  close(): void {
    this.socket.close();
  }
}

/** A page with nothing kept from others. */
export class BarePage {
  constructor(
    private readonly session: Session,
    private readonly dispose: () => Promise<unknown>,
  ) {}

  async goto(url: string): Promise<void> {
    await this.session.ask('Page.navigate', { url });
  }

  /** Runs in the page before its own script. */
  async before(source: string): Promise<void> {
    await this.session.ask('Page.addScriptToEvaluateOnNewDocument', { source });
  }

  async evaluate<T>(expression: string): Promise<T> {
    const asked = { expression, returnByValue: true };
    const { result } = (await this.session.ask('Runtime.evaluate', asked)) as {
      result: { value: T };
    };
    return result.value;
  }

  async close(): Promise<void> {
    this.session.close();
    await this.dispose();
  }
}

export class BareBrowser {
  private constructor(
    private readonly process: ChildProcess,
    private readonly session: Session,
    private readonly host: string,
    private readonly profile: string,
  ) {}

  static async launch(): Promise<BareBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'page-'));
    const own = ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`];
    const started = spawn(EXECUTABLE, [...FLAGS, ...own, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const url = await addressOf(started);
    return new BareBrowser(started, await Session.open(url), new URL(url).host, profile);
  }

  async open(size: { width: number; height: number }): Promise<BarePage> {
    const { browserContextId } = (await this.session.ask('Target.createBrowserContext')) as {
      browserContextId: string;
    };
    const wanted = { url: 'about:blank', browserContextId, ...size };
    const { targetId } = (await this.session.ask('Target.createTarget', wanted)) as {
      targetId: string;
    };
    const session = await Session.open(`ws://${this.host}/devtools/page/${targetId}`);
    await session.ask('Page.enable');
    const screen = { ...size, deviceScaleFactor: 1, mobile: false };
    await session.ask('Emulation.setDeviceMetricsOverride', screen);
    return new BarePage(session, () =>
      this.session.ask('Target.disposeBrowserContext', { browserContextId }),
    );
  }

  async close(): Promise<void> {
    const ended = new Promise((done) => this.process.once('exit', done));
    await this.session.ask('Browser.close');
    await ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Where a browser that was started can be spoken to, which it says. */
async function addressOf({ stderr }: ChildProcess): Promise<string> {
  if (stderr === null) throw new Error('what the browser says is not read');
  return new Promise((done, failed) => {
    let said = '';
    stderr.on('data', (data: Buffer) => {
      said += data.toString();
      const address = /ws:\/\/\S+/.exec(said)?.[0];
      if (address !== undefined) done(address);
    });
    stderr.once('end', () => {
      failed(new Error(`the browser does not start: ${said}`));
    });
  });
}
