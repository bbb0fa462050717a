import { type Codec, createRewriter, registryIdOf, trainRegistry } from '../../codec/index.js';
import type { StorageBackend } from '../../storage/index.js';
import type { ReportPreparation } from '../maintain/preparation.js';
import { type Sample, takeSample } from './sample.js';
import type { CompactPlan } from './types.js';

/** A plan, and the registry that it needs. */
export interface Planned {
  readonly plan: CompactPlan;
  readonly registry: Uint8Array;
}

interface Candidate {
  readonly registry: Uint8Array;
  readonly predictedFrameBytes: number;
  /** Bytes of frames and registry afterwards; the registries before it are then no longer needed. */
  readonly bytesAfter: number;
}

/**
 * Trains a registry and predicts its savings. Returns the newest stored registry instead if that saves about
 * as much: so a compaction that was cut short is finished, and the next one finds nothing to do.
 */
export async function planCompaction(
  backend: StorageBackend,
  codec: Codec,
  minSavingsRatio: number,
  signal: AbortSignal,
  report: ReportPreparation,
): Promise<Planned | undefined> {
  const sample = await takeSample(backend, codec, signal, report);
  if (sample.runs.length === 0 || sample.heldBack.length === 0) return undefined;
  const stored = await readRegistries(backend);
  const bytesNow = sample.frameBytes + sumOfLengths(stored);
  const newest = stored.at(-1);
  const id = newest === undefined ? 1 : registryIdOf(newest) + 1;
  report('training', 0, sample.tokens);
  const trained = await trainRegistry(sample.runs, { id, signal });

  const fresh = await judge(sample, [...stored, trained], signal);
  const standing = newest && (await judge(sample, stored, signal));
  const worthTraining =
    standing === undefined || standing.bytesAfter - fresh.bytesAfter > minSavingsRatio * bytesNow;
  const chosen = worthTraining ? fresh : standing;
  return {
    registry: chosen.registry,
    plan: {
      kind: 'plan',
      segments: sample.segments,
      frameBytes: sample.frameBytes,
      sampleSegments: sample.runs.length,
      sampleTokens: sample.tokens,
      registryId: registryIdOf(chosen.registry),
      registryBytes: chosen.registry.length,
      newRegistry: worthTraining,
      predictedFrameBytes: chosen.predictedFrameBytes,
      predictedSavingsRatio: bytesNow === 0 ? 0 : 1 - chosen.bytesAfter / bytesNow,
      reclaimablePageBytes: (await backend.reclaimableBytes?.(signal)) ?? 0,
    },
  };
}

export async function readRegistries(backend: StorageBackend): Promise<Uint8Array[]> {
  const registries: Uint8Array[] = [];
  for (const { id } of await backend.listRegistries()) {
    const bytes = await backend.readRegistry(id);
    if (bytes !== undefined) registries.push(bytes);
  }
  return registries;
}

/** Predicts the vault's bytes once everything is encoded with the last of these registries. */
async function judge(
  sample: Sample,
  registries: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<Candidate> {
  const registry = registries.at(-1)!;
  const rewriter = createRewriter(registries);
  try {
    /** Size after encoding, as a part of the size before. */
    const ratioOf = async (frames: readonly Uint8Array[]): Promise<number> => {
      const rewritten = await rewriter.rewrite(frames, signal);
      const after = frames.reduce((sum, { length }, i) => sum + Math.min(length, rewritten[i]!.length), 0);
      return after / sumOfLengths(frames);
    };
    const ratioOfOthers = await ratioOf(sample.heldBack);
    const ratioOfTrained = sample.trainedOn.length > 0 ? await ratioOf(sample.trainedOn) : ratioOfOthers;
    const predictedFrameBytes = Math.round(
      sample.trainedFrameBytes * ratioOfTrained +
        (sample.frameBytes - sample.trainedFrameBytes) * ratioOfOthers,
    );
    return { registry, predictedFrameBytes, bytesAfter: predictedFrameBytes + registry.length };
  } finally {
    await rewriter.close();
  }
}

function sumOfLengths(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}
