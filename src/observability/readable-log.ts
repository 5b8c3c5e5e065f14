import type { DestinationStream } from 'pino';

/**
 * A stream that writes the lines of the log for people: time, level, message, and the rest behind it, in colours unless
 * NO_COLOR is set. For whoever develops: pino-pretty is not in the bundle, and where it is not installed the lines stay JSON.
 */
export async function readable(stream: DestinationStream): Promise<DestinationStream> {
  try {
    const { prettyFactory, isColorSupported } = await import('pino-pretty');
    const format = prettyFactory({
      colorize: isColorSupported,
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss.l',
      // `error` is a code of ours, and no error.
      errorLikeObjectKeys: ['err'],
    });
    return { write: (line) => stream.write(format(line)) };
  } catch {
    return stream;
  }
}
