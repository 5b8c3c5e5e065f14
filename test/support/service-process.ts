/**
 * A service that can be killed: `node service-process.js PORT`. `/endless` never ends its answer, `/wait` answers after a
 * while with the digest of what it was sent, anything else at once.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

createServer((request, response) => {
  if (request.url === '/endless') {
    response.writeHead(200);
    const timer = setInterval(() => response.write('more\n'), 10);
    response.on('close', () => clearInterval(timer));
    return;
  }
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => hash.update(chunk));
  request.on('end', () => {
    const answer = () => response.end(hash.digest('hex'));
    if (request.url === '/wait') setTimeout(answer, 300);
    else answer();
  });
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('listening\n'));
