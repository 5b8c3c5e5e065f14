/** An answer as a client reads it. */
export interface StrictAnswer {
  readonly status: number;
  /** Its status line and field lines. */
  readonly head: string;
  readonly body: string;
}

/**
 * Reads final answers from what a client received (latin1), each framed by its Content-Length; interim ones are passed over.
 * `isHead` says which answers are to HEAD, by their place. What is no answer is left in `rest`.
 */
export function readAnswers(
  received: string,
  isHead: (place: number) => boolean = () => false,
): { readonly answers: StrictAnswer[]; readonly rest: string } {
  const answers: StrictAnswer[] = [];
  let rest = received;
  for (;;) {
    const match = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest);
    if (match === null) return { answers, rest };
    const [head] = match;
    const status = Number(match[1]);
    if (status < 200) {
      rest = rest.slice(head.length);
      continue;
    }
    const length = isHead(answers.length) ? 0 : Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]);
    // Without a length, or with a part of the body missing, it is none.
    if (!(rest.length - head.length >= length)) return { answers, rest };
    answers.push({ status, head, body: rest.slice(head.length, head.length + length) });
    rest = rest.slice(head.length + length);
  }
}
