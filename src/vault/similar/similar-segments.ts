import { type SegmentHash, segmentNotFound } from '../../model/index.js';
import type { ScannedSegment, SegmentKey } from '../../storage/index.js';
import type { Turns } from '../event-loop.js';
import type { Tokenizers } from '../../text/index.js';
import { Comparison, Joined } from './comparison.js';
import { asTokens, type ContentParts, joinedContents } from './contents.js';
import { Matches, type SimilarInput, type SimilarResult } from './matches.js';

const scannedSegments = 256;
const scannedBytes = 256 * 1024;

/** Finds near-duplicates of a segment among the segments that something refers to. Reads all of them. */
export async function findSimilarSegments(
  parts: ContentParts & { readonly tokenizers: Tokenizers },
  hash: SegmentHash,
  { threshold, limit }: Pick<SimilarInput, 'threshold' | 'limit'>,
  turns: Turns,
  signal: AbortSignal,
): Promise<SimilarResult> {
  const { backend } = parts;
  const [own] = await backend.findSegments([hash]);
  if (own === undefined) throw segmentNotFound(hash);
  const release = backend.lease();
  try {
    const copies = new Set((await backend.findCopies?.(hash)) ?? [own.key]);
    /** Contents that were found: a backend may have several copies of one. */
    const seen = new Set<SegmentHash>();
    const content = await joinedContents(parts, [[own.key, own.tokenCount]], turns);
    const target = await Comparison.with(content, parts.tokenizers, signal);
    const found = new Matches({ order: 'similarity', limit });
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
      const compared: ScannedSegment[] = [];
      const segments = new Joined(long.reduce((sum, { tokenCount }) => sum + tokenCount, 0));
      for (const [index, le32] of frames.entries()) {
        found.compared += 1;
        if (!(le32 instanceof Uint8Array)) {
          found.uncompared += 1;
          continue;
        }
        segments.add(asTokens(le32));
        compared.push(long[index]!);
      }
      const counts = compared.length === 0 ? [] : await target.countsOf(segments);
      const similar = compared
        .map((segment, index) => ({ ...segment, ...target.similarity(counts[index]!) }))
        .filter(({ similarity }) => similarity >= threshold);
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
