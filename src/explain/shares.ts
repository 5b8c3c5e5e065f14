/** What one policy adds. */
export interface Share {
  readonly attempts: number;
  readonly longestMs: number;
}

export interface FallbackShare extends Share {
  readonly upstream: string;
  /** Only calls of which no upstream can have seen anything go there. */
  readonly onlyUnsent: boolean;
}
