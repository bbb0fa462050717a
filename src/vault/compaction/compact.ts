import { type Codec, createRewriter, registryIdOf } from '../../codec/index.js';
import { StowkenError } from '../../model/index.js';
import type { SegmentKey, StorageBackend } from '../../storage/index.js';
import { assertConsistent } from '../maintain/collect.js';
import { preparing } from '../maintain/preparation.js';
import { planCompaction, readRegistries } from './plan.js';
import { type Fenced, type GrowthByRegistry, rewriteRetired, rewriteShrinking } from './rewrite.js';
import { BatchSize } from './scan.js';
import type { CompactEnd, CompactInput, CompactPart, CompactProgress, CompactSummary } from './types.js';

export interface CompactParts extends Fenced {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** Figures of a run so far. */
interface Tally {
  segmentsDone: number;
  segments: number;
  segmentsRewritten: number;
  bytesBefore: number;
  bytesAfter: number;
}

/**
 * Trains a registry on stored segments and rewrites frames with it, while the vault goes on serving. Training
 * and encoding happen in worker threads; commits are small. Committed batches stay, wherever a compaction
 * ends.
 */
export async function* compact(
  parts: CompactParts,
  input: CompactInput,
  signal: AbortSignal,
): AsyncGenerator<CompactPart, void, void> {
  const { backend, fence } = parts;
  const fenced: Fenced = fence ? { fence } : {};
  const resumed = input.resumeToken === '' ? undefined : fromResumeToken(backend.vaultId, input.resumeToken);
  const planned = yield* preparing(async (report, stop) => {
    const onPreparation = input.reportPreparation ? report : () => undefined;
    await assertConsistent(backend, stop, onPreparation);
    return resumed
      ? undefined
      : planCompaction(backend, parts.codec, input.minSavingsRatio, stop, onPreparation);
  }, signal);
  const inUseBytesBefore = (await backend.stats()).inUseBytes;
  const tally: Tally = { segmentsDone: 0, segments: 0, segmentsRewritten: 0, bytesBefore: 0, bytesAfter: 0 };

  async function summary(
    end: CompactEnd,
    registryId: number,
    rest: { dropped?: readonly number[]; resumeToken?: string } = {},
  ): Promise<CompactSummary> {
    return {
      kind: 'summary',
      end,
      ...tally,
      registryId,
      registriesDropped: rest.dropped ?? [],
      inUseBytesBefore,
      inUseBytesAfter: (await backend.stats()).inUseBytes,
      resumeToken: rest.resumeToken ?? '',
    };
  }

  let registryId: number;
  if (resumed) {
    ({ registryId } = resumed);
    tally.segments = (await backend.stats()).segments;
  } else {
    if (planned === undefined) return yield await summary('notWorthIt', 0);
    const { plan, registry } = planned;
    tally.segments = plan.segments;
    yield plan;
    if (input.dryRun) return yield await summary('dryRun', plan.registryId);
    const { predictedSavingsRatio, reclaimablePageBytes } = plan;
    if (predictedSavingsRatio < input.minSavingsRatio || predictedSavingsRatio <= 0) {
      const defragments =
        reclaimablePageBytes > 0 && reclaimablePageBytes >= input.minSavingsRatio * inUseBytesBefore;
      if (defragments) await backend.defragment?.(signal);
      return yield await summary(defragments ? 'complete' : 'notWorthIt', plan.registryId);
    }
    if (plan.newRegistry)
      await backend.commit({ ...fenced, putRegistry: { bytes: registry, timeMs: parts.clock() } });
    registryId = plan.registryId;
  }

  const registries = (await readRegistries(backend)).filter((bytes) => registryIdOf(bytes) <= registryId);
  if (registries.length === 0 || registryIdOf(registries.at(-1)!) !== registryId)
    throw staleToken(registryId);
  const rewriter = createRewriter(registries);
  const work = { backend, fenced, rewriter, registryId, signal, size: new BatchSize() };
  const growth: GrowthByRegistry = new Map();
  const startedMs = performance.now();
  try {
    for await (const batch of rewriteShrinking(work, resumed?.after, growth)) {
      tally.segmentsDone += batch.segments;
      // Segments that are stored meanwhile are counted too.
      tally.segments = Math.max(tally.segments, tally.segmentsDone);
      tally.segmentsRewritten += batch.rewritten;
      tally.bytesBefore += batch.bytesBefore;
      tally.bytesAfter += batch.bytesAfter;
      const resumeToken = toResumeToken(backend.vaultId, { registryId, after: batch.lastKey });
      const elapsedMs = performance.now() - startedMs;
      yield progress(tally, elapsedMs, resumeToken);
      if (isSpent(input, tally, elapsedMs)) {
        return yield await summary('budgetReached', registryId, { resumeToken });
      }
    }
    const retired = await worthRetiring(backend, registryId, growth);
    if (retired.size > 0) {
      for await (const { rewritten, bytesBefore, bytesAfter } of rewriteRetired(work, retired)) {
        tally.segmentsRewritten += rewritten;
        // These segments were counted before.
        tally.bytesAfter += bytesAfter - bytesBefore;
      }
    }
  } finally {
    await rewriter.close();
  }
  const dropped = await dropUnused(backend, registryId, fenced);
  await backend.defragment?.(signal);
  yield await summary('complete', registryId, { dropped });
}

function progress(tally: Tally, elapsedMs: number, resumeToken: string): CompactProgress {
  const { segmentsDone, segments, bytesBefore, bytesAfter } = tally;
  const segmentsPerSecond = Math.round((segmentsDone * 1000) / Math.max(1, elapsedMs));
  return {
    kind: 'progress',
    segmentsDone,
    segments,
    bytesBefore,
    bytesAfter,
    segmentsPerSecond,
    resumeToken,
  };
}

function isSpent(input: CompactInput, tally: Tally, elapsedMs: number): boolean {
  return (
    tally.segmentsDone >= (input.segmentsMax ?? Infinity) ||
    tally.bytesBefore >= (input.bytesMax ?? Infinity) ||
    elapsedMs >= (input.timeMsMax ?? Infinity)
  );
}

/** Returns older registries whose bytes exceed the growth of their last frames without them. */
async function worthRetiring(
  backend: StorageBackend,
  registryId: number,
  growth: GrowthByRegistry,
): Promise<Set<number>> {
  const registries = await backend.listRegistries();
  return new Set(
    registries
      .filter(({ id, bytes, segments }) => id < registryId && segments > 0 && (growth.get(id) ?? 0) < bytes)
      .map(({ id }) => id),
  );
}

async function dropUnused(
  backend: StorageBackend,
  registryId: number,
  fenced: Fenced,
): Promise<readonly number[]> {
  const unused = (await backend.listRegistries()).filter(
    ({ id, segments }) => id < registryId && segments === 0,
  );
  if (unused.length === 0) return [];
  return (await backend.commit({ ...fenced, dropRegistries: unused.map(({ id }) => id) })).dropRegistries!;
}

function staleToken(registryId: number): StowkenError {
  return new StowkenError(
    'INVALID_FIELD',
    `resume_token: its registry ${registryId} is no longer stored; start without a token`,
    { field: 'resume_token' },
  );
}

/** Point at which a compaction stopped: its registry, and the last segment done. */
export interface ResumePoint {
  readonly registryId: number;
  /** Undefined: before the first segment. */
  readonly after: SegmentKey | undefined;
}

function toResumeToken(vaultId: string, { registryId, after }: ResumePoint): string {
  return Buffer.from(JSON.stringify([vaultId, registryId, after ?? null])).toString('base64url');
}

/** @throws StowkenError INVALID_FIELD if toResumeToken did not make this token for this vault */
function fromResumeToken(vaultId: string, token: string): ResumePoint {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    parsed = undefined;
  }
  if (Array.isArray(parsed) && parsed.length === 3 && parsed[0] === vaultId) {
    const [, registryId, after] = parsed as unknown[];
    const isKey = after === null || typeof after === 'number' || typeof after === 'string';
    if (Number.isSafeInteger(registryId) && isKey) {
      return { registryId: registryId as number, after: (after ?? undefined) as SegmentKey | undefined };
    }
  }
  throw new StowkenError('INVALID_FIELD', 'resume_token: it was not made by a compaction of this vault', {
    field: 'resume_token',
  });
}
