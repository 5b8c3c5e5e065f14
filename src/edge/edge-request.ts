import { IncomingMessage, type ServerResponse } from 'node:http';

const upgradeAsked = Symbol('upgradeAsked');

/** Node's own way to have done with a request; its types don't know it. */
const dump: unknown = Reflect.get(IncomingMessage.prototype, '_dump');

/**
 * A request whose `upgrade` says whether Node is to hand over the connection. With a listener for upgrades Node would hand
 * over every one of them; but any protocol other than WebSocket is to be ignored and the request served as HTTP/1.1
 * (RFC 9110, 7.8): Java's client, for one, offers h2c with its first request. Node asks this property when the head is in,
 * and serves the request; and again after each piece that it has read. llhttp reads nothing behind a request that asks for
 * an upgrade: once it is in, the connection must be handed over all the same, or what came with it would be lost.
 */
export class EdgeRequest extends IncomingMessage {
  [upgradeAsked]: unknown;
  /** The answer to a request whose Upgrade is ignored. */
  answer: ServerResponse | undefined;

  get upgrade(): boolean {
    if (this[upgradeAsked] !== true) return false;
    return this.complete || this.method === 'CONNECT' || isWebSocket(this);
  }

  set upgrade(asked: unknown) {
    this[upgradeAsked] = asked;
  }

  /** Notes the answer if the connection will be handed over when the request is in. */
  isAnsweredBy(response: ServerResponse): void {
    if (this[upgradeAsked] === true) this.answer = response;
  }

  /**
   * Node asks for this when the answer is out, so that what was not read of a request makes way for the next one. It would
   * take a request that has nothing to read, as most have, through six steps of ending a stream.
   */
  _dump(): void {
    if ((!this.complete || this.readableLength > 0) && typeof dump === 'function') dump.call(this);
  }
}

/** Whether a request asks for a WebSocket (RFC 6455, 4.1). With a body it is a request that also says Upgrade. */
export function isWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    httpVersion === '1.1' &&
    headers['transfer-encoding'] === undefined &&
    Number(headers['content-length'] ?? 0) === 0 &&
    /(?:^|,)\s*websocket\s*(?:$|,)/i.test(headers.upgrade ?? '')
  );
}
