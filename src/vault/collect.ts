import { limits } from '../model/index.js';
import type { SegmentKey, StorageBackend } from '../storage/index.js';
import { requireIntact } from './intact.js';
import { preparing } from './preparation.js';
import { throwIfAborted } from './turns.js';
import type { CollectOptions, CollectPart, GarbageFigures } from './types.js';

interface CollectPlan extends GarbageFigures {
  /** Garbage since then or earlier: what becomes garbage during the collection is not part of it. */
  readonly garbageBeforeMs: number;
}

/** Deletes garbage in batches. What is referred to again, or is being read, at a batch's commit stays. */
export async function* collectGarbage(
  backend: StorageBackend,
  options: CollectOptions & { readonly nowMs: number },
  signal: AbortSignal,
): AsyncGenerator<CollectPart, void, void> {
  const plan = yield* preparing(async (tell, stop) => {
    await requireIntact(backend, stop, options.reportPreparation ? tell : () => undefined);
    return planCollection(backend, options.nowMs - options.minAgeMs, stop);
  }, signal);
  yield { kind: 'plan', segments: plan.segments, frameBytes: plan.frameBytes };
  let segments = 0;
  let frameBytes = 0;
  if (!options.dryRun) {
    for await (const deleted of executePlan(backend, plan, signal)) {
      segments += deleted.segments;
      frameBytes += deleted.frameBytes;
      yield { kind: 'progress', segments, frameBytes };
    }
  }
  // A dry run has kept nothing back: it has not tried.
  const keptSegments = options.dryRun ? 0 : plan.segments - segments;
  yield { kind: 'summary', segments, frameBytes, keptSegments };
}

async function planCollection(
  backend: StorageBackend,
  garbageBeforeMs: number,
  signal: AbortSignal,
): Promise<CollectPlan> {
  let segments = 0;
  let frameBytes = 0;
  for await (const page of garbagePages(backend, garbageBeforeMs, signal)) {
    segments += page.length;
    for (const segment of page) frameBytes += segment.frameBytes;
  }
  return { segments, frameBytes, garbageBeforeMs };
}

async function* executePlan(
  backend: StorageBackend,
  plan: CollectPlan,
  signal: AbortSignal,
): AsyncGenerator<GarbageFigures, void, void> {
  const { garbageBeforeMs } = plan;
  for await (const page of garbagePages(backend, garbageBeforeMs, signal)) {
    const { collect } = await backend.commit({
      collect: { keys: page.map(({ key }) => key), garbageBeforeMs },
    });
    yield collect!;
  }
}

async function* garbagePages(backend: StorageBackend, garbageBeforeMs: number, signal: AbortSignal) {
  let after: SegmentKey | undefined;
  do {
    throwIfAborted(signal);
    const page = await backend.listGarbage({
      limit: limits.garbageBatchSegmentsMax,
      garbageBeforeMs,
      ...(after !== undefined && { after }),
    });
    if (page.segments.length > 0) yield page.segments;
    after = page.next;
  } while (after !== undefined);
}
