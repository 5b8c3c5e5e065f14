/** What a command talks to, so that tests can stand in for a terminal. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Letters in a line of a terminal. */
  readonly columns?: number;
}
