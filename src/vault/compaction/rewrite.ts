import { frameRegistryId, readHead, type Rewriter } from '../../codec/index.js';
import type { Change, ExclusiveLease, SegmentKey, StorageBackend } from '../../storage/index.js';
import { type BatchSize, scanBatches, type ScannedSegment } from './scan.js';

/** Result of rewriting one batch. */
export interface RewrittenBatch {
  readonly lastKey: SegmentKey;
  readonly segments: number;
  readonly rewritten: number;
  /** Frame bytes of the batch's segments, before and after it. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Bytes by which the frames that stayed with an older registry would grow, by registry. */
export type GrowthByRegistry = Map<number, number>;

/** The right under which something is committed, as a part of each change. */
export type Fenced = Pick<Change, 'fence'>;

export function fencedBy(lease: ExclusiveLease | undefined): Fenced {
  return lease?.fence ? { fence: lease.fence } : {};
}

interface RewriteWork {
  readonly backend: StorageBackend;
  readonly fenced: Fenced;
  readonly rewriter: Rewriter;
  readonly registryId: number;
  readonly signal: AbortSignal;
  readonly size: BatchSize;
}

/** Rewrites every frame after a key that shrinks with the registry, one committed batch at a time. */
export async function* rewriteShrinking(
  work: RewriteWork,
  after: SegmentKey | undefined,
  growth: GrowthByRegistry,
): AsyncGenerator<RewrittenBatch, void, void> {
  for await (const batch of scanBatches(work.backend, after, work.signal, work.size)) {
    yield rewriteBatch(work, batch, ({ frame }, next) => {
      const registryId = frameRegistryId(frame);
      if (registryId === work.registryId) return false;
      if (next.length < frame.length) return true;
      const grown = next.length - frame.length;
      if (registryId !== undefined) growth.set(registryId, (growth.get(registryId) ?? 0) + grown);
      return false;
    });
  }
}

/**
 * Rewrites every frame that names one of these registries, even if it grows: the registry costs more than
 * that.
 */
export async function* rewriteRetired(
  work: RewriteWork,
  retired: ReadonlySet<number>,
): AsyncGenerator<RewrittenBatch, void, void> {
  for await (const batch of scanBatches(work.backend, undefined, work.signal, work.size)) {
    yield rewriteBatch(work, batch, ({ frame }) => {
      const registryId = frameRegistryId(frame);
      return registryId !== undefined && retired.has(registryId);
    });
  }
}

async function rewriteBatch(
  { backend, fenced, rewriter, registryId, signal, size }: RewriteWork,
  batch: readonly ScannedSegment[],
  replaces: (segment: ScannedSegment, next: Uint8Array) => boolean,
): Promise<RewrittenBatch> {
  const older = batch.filter(
    ({ frame }) => frameRegistryId(frame) !== registryId && readHead(frame).kind !== 'le32',
  );
  const startedMs = performance.now();
  const frames =
    older.length === 0
      ? []
      : await rewriter.rewrite(
          older.map(({ frame }) => frame),
          signal,
        );
  size.took(performance.now() - startedMs);
  const replacements = older.flatMap((segment, index) => {
    const frame = frames[index]!;
    // A frame that does not decode is returned unchanged.
    if (Buffer.compare(frame, segment.frame) === 0) return [];
    return replaces(segment, frame) ? [{ key: segment.key, expected: segment.frame, frame }] : [];
  });
  const bytesBefore = batch.reduce((sum, { frame }) => sum + frame.length, 0);
  const replaced =
    replacements.length === 0
      ? []
      : (await backend.commit({ ...fenced, replaceFrames: replacements })).replaceFrames!;
  const made = replacements.filter((_, index) => replaced[index]);
  return {
    lastKey: batch.at(-1)!.key,
    segments: batch.length,
    rewritten: made.length,
    bytesBefore,
    bytesAfter: made.reduce((sum, { expected, frame }) => sum + frame.length - expected.length, bytesBefore),
  };
}
