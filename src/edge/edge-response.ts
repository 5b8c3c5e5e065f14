import { OutgoingMessage, ServerResponse, type IncomingMessage } from 'node:http';

type Callback = (error?: Error | null) => void;
type Send = (
  this: OutgoingMessage,
  data: string | Uint8Array,
  encoding: BufferEncoding | null,
  callback?: Callback | null,
  byteLength?: number,
) => boolean;

/** Node's own way to hand bytes to the connection, head first; its types don't know it. */
const send = Reflect.get(OutgoingMessage.prototype, '_send') as Send;

/**
 * An answer that can leave in one piece. Node writes the last part of a body, and then an empty one to hear when all is out;
 * for two parts it asks the kernel in a way (writev) that costs it several times as much as one text does.
 */
export class EdgeResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** What is collected of an answer that is to leave in one piece. */
  #piece: string | undefined;
  #whenOut: Callback | null | undefined;

  /** Ends the answer. What was not sent yet, the head included, leaves in one write with `last`, which is latin1. */
  endInOnePiece(last: string): void {
    this.#piece = '';
    this.end(last, 'latin1');
    const piece = this.#piece;
    this.#piece = undefined;
    send.call(this, piece, 'latin1', this.#whenOut);
  }

  _send(...[data, encoding, callback, byteLength]: Parameters<Send>): boolean {
    // An empty text takes the head along, whose bytes are latin1: for flushHeaders Node would make them UTF-8.
    if (this.#piece === undefined) {
      return send.call(this, data, data === '' ? 'latin1' : encoding, callback, byteLength);
    }
    this.#piece += typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
    // The last one is told when all is out; those before it wait for nothing.
    this.#whenOut = callback;
    return true;
  }
}

/** Ends an answer with the rest of its body, which is latin1. */
export function endWith(response: ServerResponse, last: string): void {
  if (response instanceof EdgeResponse) response.endInOnePiece(last);
  else response.end(last, 'latin1');
}
