import { isStowkenError, limits, StowkenError } from '../../model/index.js';
import type { Vault } from '../vault.js';
import { compact, type CompactParts } from './compact.js';
import {
  type CompactFigures,
  type CompactInput,
  type CompactPart,
  type CompactSummary,
  minSavingsRatioDefault,
} from './types.js';

/** A vault grows by this before it is worth while to train again. */
const GROWTH = 1.5;
/** The part of the frames' bytes that the newest registry may lack when a server starts. */
const OUTSIDE_MAX = 0.5;

export interface AutoCompactionEvents {
  readonly onDone: (summary: CompactSummary) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Compacts a vault by itself: when half of its frames lack the newest registry as it is first looked at,
 * and whenever its unique tokens have grown by half since they were last compacted or first looked at.
 */
export class AutoCompaction {
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();
  /** Unique tokens when it last ran or first looked, or what a garbage collection left of them since. */
  #tokensBefore: number | undefined;

  constructor(
    private readonly vault: Pick<Vault, 'stats' | 'listRegistries' | 'compact'>,
    private readonly events: AutoCompactionEvents,
  ) {}

  /** Looks now and then until it is stopped. */
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

  /** Ends a run under way after its last committed batch. */
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
      // Someone else compacts, or the server stops: both are as good.
      if (!isStowkenError(error, 'COMPACTION_RUNNING') && !isStowkenError(error, 'CANCELLED')) throw error;
    }
  }
}

/** A vault's compactions: one at a time. */
export class Compactor {
  #running: CompactFigures | undefined;

  constructor(private readonly parts: CompactParts) {}

  /** @throws StowkenError COMPACTION_RUNNING, with the running one's progress, while another one works */
  async *run(input: CompactInput, signal: AbortSignal): AsyncGenerator<CompactPart, void, void> {
    if (this.#running !== undefined) throw alreadyRunning(this.#running);
    this.#running = { segmentsDone: 0, segments: 0, bytesBefore: 0, bytesAfter: 0 };
    let summary: CompactPart | undefined;
    try {
      for await (const part of compact(this.parts, input, signal)) {
        if (part.kind === 'progress') this.#running = part;
        if (part.kind === 'summary') summary = part;
        else yield part;
      }
    } finally {
      this.#running = undefined;
    }
    // Last of all: whoever has it may begin another one.
    if (summary !== undefined) yield summary;
  }
}

function alreadyRunning({ segmentsDone, segments, bytesBefore, bytesAfter }: CompactFigures): StowkenError {
  return new StowkenError(
    'COMPACTION_RUNNING',
    `a compaction is running: ${segmentsDone} of ${segments} segments, ${bytesBefore} bytes to ${bytesAfter}`,
    {
      segments_done: String(segmentsDone),
      segments: String(segments),
      bytes_before: String(bytesBefore),
      bytes_after: String(bytesAfter),
    },
  );
}
