/** What can be changed while the process runs. */
export type ChangeName = 'circuits' | 'retries' | 'log' | 'quit' | 'reload';

/** How a request to change something ended: done, not allowed, not understood, or failed here. */
export type ChangeResult = 'done' | 'denied' | 'invalid' | 'failed';

/** Something that an operator changed, or that the end of a time to live changed back. */
export interface OperatorChange {
  readonly change: ChangeName;
  /** The peer's address; `ttl` when a time to live was over. */
  readonly by: string;
  readonly upstream?: string;
  readonly route?: string;
  readonly key?: string;
  /** What it was before, and what it is now. */
  readonly from?: string;
  readonly to: string;
  /** How long it stays so at most; undefined for ever. */
  readonly forMs?: number;
}

/** A request to change something that was not followed. */
export interface RefusedChange {
  readonly change: ChangeName;
  /** The peer's address. */
  readonly by: string;
  /** The answer's status and code. */
  readonly status: number;
  readonly code: string;
}
