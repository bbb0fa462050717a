import { StowkenError } from '../../model/index.js';
import { compact, type CompactParts } from './compact.js';
import type { CompactFigures, CompactInput, CompactPart } from './types.js';

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
