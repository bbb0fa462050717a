import { isStowkenError, limits, type StowkenError } from '../../model/index.js';
import type { ExclusiveLease } from '../../storage/index.js';
import { fencedBy } from './rewrite.js';
import { compactionRunning, nothingDone, underRights } from './right.js';
import type { Vault } from '../vault.js';
import { compact, type CompactParts } from './compact.js';
import {
  type CompactFigures,
  type CompactInput,
  type CompactPart,
  type CompactSummary,
  minSavingsRatioDefault,
} from './types.js';

/** Growth of a vault, as a factor, after which it is worthwhile to train again. */
const GROWTH = 1.5;
/** Limit of the part of the frames' bytes that may lack the newest registry when a server starts. */
const OUTSIDE_MAX = 0.5;

export interface AutoCompactionEvents {
  readonly onDone: (summary: CompactSummary) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Compacts a vault automatically: if half of its frame bytes lack the newest registry at the first look, and
 * whenever its unique tokens have grown by half since the last compaction or the first look.
 */
export class AutoCompaction {
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();
  /**
   * Unique tokens at the last compaction or first look, reduced to those that a garbage collection has left
   * since.
   */
  #tokensBefore: number | undefined;

  constructor(
    private readonly vault: Pick<Vault, 'stats' | 'listRegistries' | 'compact'>,
    private readonly events: AutoCompactionEvents,
  ) {}

  /** Looks at intervals until stop() is called. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#look = this.look()
        .catch((error: unknown) => this.events.onError(error))
        .then(() => {
          if (!this.#stop.signal.aborted) this.start();
        });
    }, limits.autoCompactionPauseMs).unref();
  }

  /** Compacts if it is time to. */
  async look(): Promise<void> {
    const { uniqueTokens, segmentBytes } = await this.vault.stats();
    const newest = (await this.vault.listRegistries()).at(-1);
    const outside = segmentBytes - (newest?.frameBytes ?? 0);
    if (uniqueTokens < limits.autoCompactionTokensMin) return;
    const before = this.#tokensBefore;
    const isDue =
      before === undefined ? outside > OUTSIDE_MAX * segmentBytes : uniqueTokens >= GROWTH * before;
    if (isDue || before === undefined || uniqueTokens < before) this.#tokensBefore = uniqueTokens;
    if (isDue) await this.#compact();
  }

  /** Ends a compaction under way after its last committed batch. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#look;
  }

  async #compact(): Promise<void> {
    const input = {
      dryRun: false,
      minSavingsRatio: minSavingsRatioDefault,
      segmentsMax: undefined,
      bytesMax: undefined,
      timeMsMax: undefined,
      resumeToken: '',
    };
    try {
      for await (const part of this.vault.compact(input, this.#stop.signal)) {
        if (part.kind === 'summary') this.events.onDone(part);
      }
    } catch (error) {
      // Somebody else compacts, or the server stops: neither is an error.
      if (!isStowkenError(error, 'COMPACTION_RUNNING') && !isStowkenError(error, 'CANCELLED')) throw error;
    }
  }
}

/** Compactions of a vault: one at a time. */
export class Compactor {
  #running: CompactFigures | undefined;

  constructor(private readonly parts: CompactParts) {}

  /** @throws StowkenError COMPACTION_RUNNING, with that compaction's progress, while another one runs */
  async *run(input: CompactInput, signal: AbortSignal): AsyncGenerator<CompactPart, void, void> {
    if (this.#running !== undefined) throw alreadyRunning(this.#running);
    this.#running = nothingDone;
    let summary: CompactPart | undefined;
    let lease: ExclusiveLease | undefined;
    try {
      lease = await this.parts.backend.tryLease?.('compaction');
      if (lease === undefined && this.parts.backend.tryLease)
        throw compactionRunning('an erasure, or a compaction of another server, is running in the vault');
      const parts = { ...this.parts, ...fencedBy(lease) };
      const leases = lease === undefined ? [] : [lease];
      const compaction = underRights(leases, signal, 'compaction', (held) => compact(parts, input, held));
      for await (const part of compaction) {
        if (part.kind === 'progress') this.#running = part;
        if (part.kind === 'summary') summary = part;
        else yield part;
      }
    } finally {
      this.#running = undefined;
      await lease?.release();
    }
    // The summary is last, because its receiver may begin another compaction.
    if (summary !== undefined) yield summary;
  }
}

function alreadyRunning(figures: CompactFigures): StowkenError {
  const { segmentsDone, segments, bytesBefore, bytesAfter } = figures;
  const progress = `${segmentsDone} of ${segments} segments, ${bytesBefore} bytes to ${bytesAfter}`;
  return compactionRunning(`a compaction is running: ${progress}`, figures);
}
