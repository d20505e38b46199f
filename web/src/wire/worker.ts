/// <reference lib="webworker" />
import type { Socket } from './host';
import type { WorkerCommand } from './protocol';
import { StreamSession } from './session';

/** The worker owns the WebSocket and all decoding; the page only gets whole bins. */
const scope = self as unknown as DedicatedWorkerGlobalScope;

const session = new StreamSession({
  open: (url) => new WebSocket(url) as Socket,
  emit: (event, transfer = []) => {
    scope.postMessage(event, transfer);
  },
  random: Math.random,
});

scope.onmessage = (event: MessageEvent<WorkerCommand>) => {
  const command = event.data;
  switch (command.kind) {
    case 'connect':
      session.connect(command.url, command.elsewhere);
      break;
    case 'disconnect':
      session.disconnect();
      break;
    case 'retry':
      session.retryNow();
      break;
    case 'online':
      session.online();
      break;
    case 'send':
      session.send(command.message);
      break;
  }
};

/** Between two looks at the clock, and a longer time than that which only a machine that slept takes, ms. */
const LOOK_MS = 1000;
const SLEPT_MS = 10_000;
let lookedAtMs = Date.now();
setInterval(() => {
  const nowMs = Date.now();
  if (nowMs - lookedAtMs > SLEPT_MS) session.awake();
  lookedAtMs = nowMs;
}, LOOK_MS);
