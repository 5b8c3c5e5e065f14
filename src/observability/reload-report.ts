/** Names of routes or upstreams. */
export interface NameChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What is different from the policies that were in force. */
export interface PolicyChanges {
  readonly routes: NameChanges;
  readonly upstreams: NameChanges;
  /** Keys of the whole process, such as `log`. */
  readonly settings: readonly string[];
}

/** One thing that is wrong with the policy file. */
export interface PolicyFileError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
  readonly suggestion: string | undefined;
}

interface Asked {
  /** What asked for it: `file`, `SIGHUP`, or the address of who asked over the API. */
  readonly by: string;
}

/** How a reload of the policy file went. */
export type ReloadReport = Asked &
  (
    | {
        readonly result: 'changed' | 'unchanged';
        readonly changes: PolicyChanges;
        /** Keys whose change takes effect only at the next start. */
        readonly restart: readonly string[];
        /** The reload before could not be taken. */
        readonly validAgain: boolean;
      }
    /** What was in force still is. */
    | { readonly result: 'invalid'; readonly errors: readonly PolicyFileError[] }
    /** A fault of ours; what was in force still is. */
    | { readonly result: 'failed'; readonly error: unknown }
    | { readonly result: 'draining' }
  );
