/** Prefixes that recur: see WarmFinding. */
export interface WarmQuery {
  /** All applications when undefined. */
  readonly application: string | undefined;
  /** Counts conversations created since then alone. */
  readonly createdFromMs: number;
  /** Shortest prefix, in blocks; at least 1. */
  readonly blocksMin: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** A prefix of whole blocks that several conversations begin with. */
export interface WarmFinding {
  readonly application: string;
  readonly blocks: number;
  /** Conversations that begin with it, by the fingerprints of its blocks. */
  readonly conversations: number;
  /** The newest of them. */
  readonly id: string;
  readonly newestMs: number;
}
