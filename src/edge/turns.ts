import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** While so many requests wait on a connection, it is not read. */
const MOST_READ_AHEAD = 16;

/**
 * Has the requests of each connection wait for their turn. Node hands over at once all that it reads in one go, and that may
 * be thousands of pipelined requests: as many calls, for one packet. And where an answer is the last of its connection, the
 * calls behind it would have been made, and their answers lost. Taken one after the other, what was not answered was not
 * sent on either, and can be asked again (RFC 9112, 9.3.2).
 */
export class Turns {
  readonly #lines = new WeakMap<Socket, Line>();

  /** Calls back when the answers before this one are out; never, if the connection ends first. */
  wait(socket: Socket, response: ServerResponse, then: () => void): void {
    let line = this.#lines.get(socket);
    if (line === undefined) {
      line = new Line(socket);
      this.#lines.set(socket, line);
    }
    line.add(response, then);
  }

  /** Calls back when no request waits on a connection: at once if none does, and when the connection has ended. */
  whenNone(socket: Socket, then: () => void): void {
    const line = this.#lines.get(socket);
    if (line === undefined) then();
    else line.whenEmpty(then);
  }
}

/** The requests that wait on one connection. */
class Line {
  readonly #socket: Socket;
  #waiting = 0;
  #paused = false;
  #whenEmpty: (() => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('resume', this.#stayPaused).once('close', this.#onClose);
  }

  add(response: ServerResponse, then: () => void): void {
    this.#waiting++;
    if (this.#waiting >= MOST_READ_AHEAD && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    // Node gives a response its connection when those before it are out.
    response.once('socket', () => {
      this.#waiting--;
      then();
      if (this.#waiting < MOST_READ_AHEAD) this.#goOn();
      if (this.#waiting === 0) this.#tell();
    });
  }

  whenEmpty(then: () => void): void {
    if (this.#waiting === 0 || this.#socket.destroyed) then();
    else this.#whenEmpty.push(then);
  }

  #goOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Where Node has handed the connection over, somebody else reads it.
    if (this.#socket.readableFlowing === false) this.#socket.resume();
  }

  #tell(): void {
    for (const then of this.#whenEmpty.splice(0)) then();
  }

  /** Node reads on when it has done with a request. */
  readonly #stayPaused = (): void => {
    if (this.#paused) this.#socket.pause();
  };

  readonly #onClose = (): void => {
    this.#waiting = 0;
    this.#tell();
  };
}
