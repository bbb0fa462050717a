import { limits, StowkenError } from '../../model/index.js';
import type { SegmentKey, StorageBackend } from '../../storage/index.js';
import { throwIfAborted } from '../event-loop.js';
import type { CollectOptions, CollectPart, GarbageFigures } from './types.js';
import { preparing, type ReportPreparation } from './preparation.js';

interface CollectPlan extends GarbageFigures {
  /**
   * Collects garbage that is so since then or earlier: segments that become garbage during the collection are
   * not part of it.
   */
  readonly garbageBeforeMs: number;
}

/**
 * Deletes garbage in batches. Segments that have a reference again or are being read when a batch commits are
 * kept.
 */
export async function* collectGarbage(
  backend: StorageBackend,
  options: CollectOptions & { readonly nowMs: number },
  signal: AbortSignal,
): AsyncGenerator<CollectPart, void, void> {
  const plan = yield* preparing(async (report, stop) => {
    await assertConsistent(backend, stop, options.reportPreparation ? report : () => undefined);
    return planCollection(backend, options.nowMs - options.minAgeMs, stop);
  }, signal);
  yield { kind: 'plan', segments: plan.segments, frameBytes: plan.frameBytes };
  let segments = 0;
  let frameBytes = 0;
  // A dry run reports no kept segments, because it has not tried to delete any.
  let keptSegments = 0;
  if (!options.dryRun) {
    let tried = 0;
    for await (const deleted of executePlan(backend, plan, signal)) {
      tried += deleted.tried;
      segments += deleted.segments;
      frameBytes += deleted.frameBytes;
      yield { kind: 'progress', segments, frameBytes };
    }
    // More may be tried than was planned: what others counted late may be garbage since before.
    keptSegments = tried - segments + Math.max(0, plan.segments - tried);
  }
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
): AsyncGenerator<GarbageFigures & { readonly tried: number }, void, void> {
  const { garbageBeforeMs } = plan;
  for await (const page of garbagePages(backend, garbageBeforeMs, signal)) {
    const { collect } = await backend.commit({
      collect: { keys: page.map(({ key }) => key), garbageBeforeMs },
    });
    yield { ...collect!, tried: page.length };
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

/**
 * Violations that do not endanger a deletion: a damaged frame, or a pack that has one, only concerns itself,
 * and a stray file does not belong to the vault.
 */
const harmless: ReadonlySet<string> = new Set(['frame', 'pack-checksum', 'stray-file']);

/**
 * Checks the data that destructive work relies on (references, counts, garbage, registries). To be awaited
 * before such work.
 * @throws StowkenError CORRUPT_STORE
 */
export async function assertConsistent(
  backend: StorageBackend,
  signal: AbortSignal,
  report: ReportPreparation,
): Promise<void> {
  const onProgress = (done: number, total: number) => report('checking', done, total);
  const violations = await backend.check({ depth: 'records', signal, onProgress });
  const [first, ...more] = violations.filter(({ invariant }) => !harmless.has(invariant));
  if (!first) return;
  const { invariant, subject, detail } = first;
  throw new StowkenError(
    'CORRUPT_STORE',
    `nothing was deleted: the vault is not whole (${subject}: ${detail}; ${more.length} more); ` +
      'verify it, and repair it first',
    { invariant, subject, violations: String(more.length + 1) },
  );
}
