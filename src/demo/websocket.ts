/**
 * The server's side of a WebSocket (RFC 6455), just enough to echo: the demo is no reason for the package to depend on a
 * WebSocket library, since the proxy itself only passes bytes on after the handshake.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Section 1.3: what a server adds to the client's key before it hashes it. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Section 5.2. */
const OPCODE = { close: 0x8, ping: 0x9, pong: 0xa };
const FIN = 0x80;
const MASKED = 0x80;

/** An echo needs no larger frames. */
const MAX_PAYLOAD = 1024 * 1024;

interface Frame {
  readonly first: number;
  readonly masked: boolean;
  readonly payload: Buffer;
  /** Bytes that the frame took. */
  readonly size: number;
}

/** Accepts the handshake and says back every frame. Anything but a WebSocket handshake is refused with 400. */
export function acceptEcho(req: IncomingMessage, socket: Duplex): void {
  const key = req.headers['sec-websocket-key'];
  socket.on('error', () => socket.destroy());
  if (key === undefined || req.headers.upgrade?.toLowerCase() !== 'websocket' || req.url?.split('?')[0] !== '/ws') {
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  // The first of the subprotocols offered is as good as any.
  const protocol = req.headers['sec-websocket-protocol']?.split(',')[0]?.trim();
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n${protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`}\r\n`,
  );
  let waiting: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    for (let frame = readFrame(waiting); frame !== undefined; frame = readFrame(waiting)) {
      if (frame === 'too-large') {
        socket.destroy();
        return;
      }
      waiting = waiting.subarray(frame.size);
      if (!echo(frame, socket)) return;
    }
  });
}

/** Whether to go on. */
function echo({ first, masked, payload }: Frame, socket: Duplex): boolean {
  const opcode = first & 0x0f;
  // Section 5.1: a client that does not mask is cut off.
  if (!masked || opcode === OPCODE.close) {
    socket.end(writeFrame(FIN | OPCODE.close, payload.subarray(0, 2)));
    return false;
  }
  if (opcode === OPCODE.ping) socket.write(writeFrame(FIN | OPCODE.pong, payload));
  else if (opcode !== OPCODE.pong) socket.write(writeFrame(first, payload));
  return true;
}

/** The frame at the start of the bytes, unmasked; undefined while it is not complete. */
function readFrame(bytes: Buffer): Frame | 'too-large' | undefined {
  if (bytes.length < 2) return undefined;
  const masked = (bytes[1]! & MASKED) !== 0;
  let length = bytes[1]! & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (length > MAX_PAYLOAD) return 'too-large';
  const start = masked ? at + 4 : at;
  if (bytes.length < start + length) return undefined;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (masked) for (let i = 0; i < length; i++) payload[i]! ^= bytes[at + (i & 3)]!;
  return { first: bytes[0]!, masked, payload, size: start + length };
}

function writeFrame(first: number, payload: Buffer): Buffer {
  let head: Buffer;
  if (payload.length < 126) {
    head = Buffer.from([first, payload.length]);
  } else if (payload.length < 65_536) {
    head = Buffer.from([first, 126, payload.length >> 8, payload.length & 0xff]);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
}
