import type { OnReadOpts } from 'node:net';

const SIZE = 64 * 1024;

/**
 * All plain connections are read into this one buffer: what was read is looked at before anything else is. Node itself would
 * allocate as much for each read and give most of it back.
 */
const SHARED = Buffer.allocUnsafeSlow(SIZE);

/** From so many bytes on it costs less to give a buffer away than to copy what is in it. */
const WORTH_A_BUFFER = 16 * 1024;

/**
 * For net.connect: small reads go into a buffer that all share, a row of large ones into buffers of their own.
 *
 * @param read is told what came; `borrowed`: the bytes are good until it returns
 */
export function readInto(read: (bytes: Buffer, borrowed: boolean) => void): OnReadOpts {
  let next = SHARED;
  return {
    buffer: () => next,
    callback: (size) => {
      const buffer = next;
      const large = size >= WORTH_A_BUFFER;
      // What follows a large read is likely to be large too. Known before `read`, which may end the connection.
      next = large ? Buffer.allocUnsafeSlow(SIZE) : SHARED;
      read(buffer.subarray(0, size), buffer === SHARED || !large);
      return true;
    },
  };
}
