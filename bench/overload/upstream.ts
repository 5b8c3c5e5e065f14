/**
 * An upstream behind TLS that answers at once and closes its connection each time: `node upstream.js PORT CERT KEY`. Handshakes
 * make a call cost the proxy many times what it costs the load, which so can send far more than the proxy can do.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';

const [port, certFile = '', keyFile = ''] = process.argv.slice(2);
const body = 'x'.repeat(1_024);
const answer = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (socket) => {
  socket.on('error', () => {});
  socket.once('data', () => socket.end(answer));
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4_096 });
