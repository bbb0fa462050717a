import type { LiveCodec } from '../../codec/index.js';
import type { StorageBackend } from '../../storage/index.js';

/** A vault that is copied. Its backend is not changed. */
export interface CopySource {
  readonly backend: Omit<StorageBackend, 'commit' | 'backup'>;
  /** Decodes its frames. */
  readonly codec: LiveCodec;
  /** True if another process may change it meanwhile. */
  readonly isShared: boolean;
  /** Lets the next read see the current state. */
  readonly refresh: () => Promise<void>;
}

/** The vault that becomes a copy. Nobody else changes it. */
export interface CopyTarget {
  readonly backend: StorageBackend;
  /** True if it has a prefix index, to which conversations are added. */
  readonly indexesPrefixes: boolean;
  /** Rejects if the vault is no copy any more: a server has opened it, and others may have stored in it. */
  readonly requireCopy: () => Promise<void>;
}

export interface CopyParts {
  readonly source: CopySource;
  readonly target: CopyTarget;
  readonly clock: () => number;
  readonly signal: AbortSignal;
  /** Called with the conversations looked at so far, after each page. */
  readonly onProgress?: (step: CopyStep) => void;
}

export interface CopyStep {
  readonly phase: 'copying' | 'comparing';
  /** Number of the pass, from 1 on. */
  readonly pass: number;
  readonly done: number;
  readonly total: number;
}

/** A conversation that cannot be copied, or whose copy differs. */
export interface CopyFault {
  readonly id: string;
  readonly detail: string;
}

/** Outcome of one pass over the source. */
export interface CopyPass {
  /** Conversations that were written to the target. */
  readonly copied: number;
  /** Conversations that the target had already as they are. */
  readonly unchanged: number;
  /** Conversations of the target that the source has no more. */
  readonly deleted: number;
  /** References of outside holders that were added or removed. */
  readonly references: number;
  /** Frames that were copied as they are, and their bytes. */
  readonly segments: number;
  readonly frameBytes: number;
  readonly faults: readonly CopyFault[];
}
