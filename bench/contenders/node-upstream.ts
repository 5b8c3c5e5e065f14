/** The upstream where nginx is not installed: a fixed answer. `node node-upstream.js PORT BODY` */
import { createServer } from 'node:http';

const [port, body = ''] = process.argv.slice(2);
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

createServer((_, response) => {
  response.writeHead(200, headers).end(body);
}).listen(Number(port), '127.0.0.1');
