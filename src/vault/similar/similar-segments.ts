import { type SegmentHash, segmentNotFound } from '../../model/index.js';
import type { ScannedSegment, SegmentKey } from '../../storage/index.js';
import type { Turns } from '../event-loop.js';
import { asTokens, type ContentParts, shinglesOf } from './contents.js';
import { Matches, type SimilarInput, type SimilarResult, similarityOf } from './matches.js';
import { ShingleSet } from './shingles.js';

const scannedSegments = 256;
const scannedBytes = 256 * 1024;

/** Finds near-duplicates of a segment among the segments that something refers to. Reads all of them. */
export async function findSimilarSegments(
  parts: ContentParts,
  hash: SegmentHash,
  { threshold, limit }: Pick<SimilarInput, 'threshold' | 'limit'>,
  turns: Turns,
): Promise<SimilarResult> {
  const { backend } = parts;
  const [own] = await backend.findSegments([hash]);
  if (own === undefined) throw segmentNotFound(hash);
  const release = backend.lease();
  try {
    const copies = new Set((await backend.findCopies?.(hash)) ?? [own.key]);
    /** Contents that were found: a backend may have several copies of one. */
    const seen = new Set<SegmentHash>();
    const target = await shinglesOf(parts, new Map([[own.key, own.tokenCount]]), turns);
    const found = new Matches({ order: 'similarity', limit });
    const scratch = new ShingleSet();
    let after: SegmentKey | undefined;
    do {
      const page = await backend.scanSegments({
        limit: scannedSegments,
        bytesMax: scannedBytes,
        ...(after !== undefined && { after }),
      });
      const codec = parts.codec.snapshot();
      const long = page.segments.filter(
        ({ key, tokenCount }) => !copies.has(key) && tokenCount / target.size >= threshold,
      );
      const frames = codec.decodeMany(
        long.map(({ frame }) => frame),
        'le32',
      );
      const similar: (ScannedSegment & ReturnType<typeof similarityOf>)[] = [];
      for (const [index, le32] of frames.entries()) {
        found.compared += 1;
        if (!(le32 instanceof Uint8Array)) {
          found.uncompared += 1;
          continue;
        }
        scratch.reset(le32.length / 4);
        scratch.add(asTokens(le32));
        const similarity = similarityOf(scratch, target);
        if (similarity.similarity >= threshold) similar.push({ ...long[index]!, ...similarity });
      }
      for (const { key, tokenCount, similarity, shared, either } of await referenced(parts, similar)) {
        const [segment] = await backend.readHashes([key]);
        if (seen.has(segment!)) continue;
        seen.add(segment!);
        found.add({ segment: segment!, tokenCount, similarity, shared, either });
      }
      after = page.next;
      await turns.spend(page.segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0));
    } while (after !== undefined);
    return found.result();
  } finally {
    release();
  }
}

async function referenced<Segment extends { readonly key: SegmentKey }>(
  { backend }: ContentParts,
  segments: readonly Segment[],
): Promise<Segment[]> {
  if (segments.length === 0) return [];
  const counts = await backend.countReferences(segments.map(({ key }) => key));
  return segments.filter((_, index) => (counts[index] ?? 0) > 0);
}
