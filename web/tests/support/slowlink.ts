import { createServer, Socket, type AddressInfo, type Server } from 'node:net';

/** How often a slow link passes something on, ms. */
const TURN_MS = 20;

/** A TCP link to a server on this machine, which can become slow: then what comes from the server trickles. */
export class SlowLink {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private bytesPerSecond = Infinity;

  /** @param to host and port, "127.0.0.1:8123". */
  constructor(to: string) {
    const [host = '', port = ''] = to.split(':');
    this.server = createServer((client) => {
      const upstream = new Socket().connect(Number(port), host);
      client.pipe(upstream);
      this.trickle(upstream, client);
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          this.sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Bytes a second from now on, for all that goes through it together. */
  slowTo(bytesPerSecond: number): void {
    this.bytesPerSecond = bytesPerSecond;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private trickle(from: Socket, to: Socket): void {
    const turn = setInterval(() => {
      let allowance = Math.min((this.bytesPerSecond * TURN_MS) / 1000, 4 << 20);
      while (allowance > 0) {
        const size = Math.min(Math.ceil(allowance), from.readableLength);
        const chunk = size > 0 ? (from.read(size) as Buffer | null) : null;
        if (chunk === null) return;
        allowance -= chunk.byteLength;
        to.write(chunk);
      }
    }, TURN_MS);
    // Without a listener for "readable" nothing is read from the server.
    from.on('readable', () => undefined);
    from.on('close', () => {
      clearInterval(turn);
    });
  }
}
