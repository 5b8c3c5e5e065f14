import { fileURLToPath } from 'node:url';

/** The checkout's folder, with a slash at its end, as seen from a compiled test in .build/test/support. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url));
