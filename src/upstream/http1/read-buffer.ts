import type { OnReadOpts } from 'node:net';

/**
 * All plain connections are read into this one buffer: what was read is looked at before anything else is. Node itself would
 * allocate 64 KiB for each read and give most of it back.
 */
const SHARED = Buffer.allocUnsafeSlow(64 * 1024);

/** For net.connect. `read` is given bytes that are good until it returns. */
export function readInto(read: (bytes: Buffer) => void): OnReadOpts {
  return {
    buffer: SHARED,
    callback: (size) => {
      read(SHARED.subarray(0, size));
      return true;
    },
  };
}
