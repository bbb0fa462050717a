// Worker thread of createRewriter.

import { workerData } from 'piscina';
import { loadCore } from '../core/index.js';
import { isStowkenError, StowkenError } from '../model/index.js';
import { createCodec, undefinedIfCorruptFrame } from './codec.js';
import { lowerThreadPriority } from './lower-thread-priority.js';
import type { RewriteOutcome } from './rewriter.js';

lowerThreadPriority();
const codec = (workerData as readonly Uint8Array[]).reduce(
  (before, registry) => before.withRegistry(registry),
  createCodec(await loadCore()),
);

export default function rewriteAll(frames: readonly Uint8Array[]): RewriteOutcome {
  const rewritten: Uint8Array[] = [];
  for (const [index, frame] of frames.entries()) {
    try {
      rewritten.push(rewrite(frame));
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      return { corrupt: error.message, index };
    }
  }
  return { frames: rewritten };
}

function rewrite(frame: Uint8Array): Uint8Array {
  const run = undefinedIfCorruptFrame(() => codec.decode(frame));
  if (run === undefined) return frame;
  const next = codec.encode(run);
  const back = codec.decode(next);
  if (back.tokenCount !== run.tokenCount || Buffer.compare(back.varints, run.varints) !== 0) {
    throw new StowkenError('CORRUPT_SEGMENT', 'a new frame does not decode to the tokens of the old one');
  }
  return next;
}
