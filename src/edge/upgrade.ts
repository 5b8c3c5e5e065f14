import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Controller, ResponseHeaders } from '../policies/policy.js';
import type { Forwarder } from './forward.js';
import { applyEdits } from './header-edits.js';
import { readResponseHeaders } from './headers.js';
import { afterCalls } from './refusal.js';
import type { EdgeContext } from './edge-context.js';
import { Responder } from './responder.js';

/**
 * Takes a WebSocket handshake through the pipeline as one attempt. 101 follows only the upstream's own; any other answer,
 * the upstream's or ours, is written as the answer of an ordinary request.
 */
export function upgrade(
  forwarder: Forwarder,
  context: EdgeContext,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  // Node has taken its own listeners off, and an error that nobody hears would end the process.
  socket.on('error', () => socket.destroy());
  // While it waits it is a call of this configuration already.
  context.count.begin();
  afterCalls(context, socket, () => {
    try {
      if (socket.writable) shakeHands(forwarder, request, socket, head);
    } finally {
      context.count.end();
    }
  });
}

function shakeHands(forwarder: Forwarder, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  socket.on('drain', () => response.emit('drain'));
  response.once('finish', () => socket.destroySoon());
  if (head.length > 0) socket.unshift(head);
  const watch = watchForEnd(socket);
  forwarder.forward(request, response, request.url ?? '', 'websocket', (...parameters) => {
    const responder = new UpgradeResponder(...parameters);
    responder.watch = watch;
    return responder;
  });
}

/** Notices that the app has closed its side, without reading what it may have sent. Returns a function that stops. */
function watchForEnd(socket: Socket): () => void {
  const onReadable = () => {
    // Only reading makes a stream notice its end.
    if (socket.readableLength === 0) socket.read();
  };
  const onEnd = () => socket.destroy();
  socket.on('readable', onReadable).on('end', onEnd);
  return () => {
    socket.off('readable', onReadable).off('end', onEnd);
  };
}

/** Writes the answer of a handshake and, after 101, joins the two connections. */
class UpgradeResponder extends Responder {
  /** Stops the watch for the app's end: from 101 on, that end is passed on. */
  watch: () => void = () => {};
  #switched = false;

  onRequestUpgrade(controller: Controller, _status: number, headers: ResponseHeaders, upstream: Duplex): void {
    upstream.on('error', () => upstream.destroy());
    if (!this.switchProtocols()) {
      upstream.destroy();
      return;
    }
    this.#switched = true;
    const { socket } = this;
    this.watch();
    this.response.detachSocket(socket);
    socket.write(this.#head(readResponseHeaders(controller.rawHeaders ?? headers)), 'latin1');
    join(socket, upstream, this.settle);
  }

  override onResponseError(controller: Controller | undefined, error: Error): void {
    super.onResponseError(controller, error);
    if (!this.#switched) return;
    // The two connections could not be joined, and no end of either would end the call.
    this.socket.destroy();
    this.settle();
  }

  #head(headers: string[]): string {
    const edited = applyEdits(headers, this.options.responseEdits);
    edited.push('Connection', 'Upgrade', 'Upgrade', 'websocket', 'x-outrigger-attempts', String(this.call.attempts));
    let head = 'HTTP/1.1 101 Switching Protocols\r\n';
    for (let i = 0; i < edited.length; i += 2) {
      // What follows is no content that could have a length (RFC 9110, 8.6).
      if (edited[i]!.toLowerCase() === 'content-length') continue;
      // A folded line would let the upstream write headers of its own choice.
      if (!/[\r\n]/.test(edited[i + 1]!)) head += `${edited[i]!}: ${edited[i + 1]!}\r\n`;
    }
    return `${head}\r\n`;
  }
}

/** Copies bytes both ways, at the pace of the slower; the end of a side is passed on, and a broken side breaks the other. */
function join(app: Socket, upstream: Duplex, ended: () => void): void {
  let open = 2;
  upstream.allowHalfOpen = true;
  const link = (from: Duplex, to: Duplex) => {
    from.once('close', () => {
      const clean = from.readableEnded && from.writableFinished;
      if (!clean) to.destroy();
      if (--open === 0) ended();
    });
    from.pipe(to);
  };
  link(app, upstream);
  link(upstream, app);
}
