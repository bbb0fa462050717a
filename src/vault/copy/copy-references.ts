import { createHash } from 'node:crypto';
import type { SegmentHash } from '../../model/index.js';
import type {
  NewSegment,
  OutsideReference,
  ReferencePosition,
  SegmentKey,
  StorageBackend,
} from '../../storage/index.js';
import { throwIfAborted } from '../event-loop.js';
import type { CopyCounts } from './copy-conversation.js';
import type { CopyParts } from './types.js';

const pageSize = 500;

type Listing = Pick<StorageBackend, 'listReferences'>;

/**
 * Makes the outside references of the target those of the source, with the segments that only they hold.
 * Resolves to the number that were added or removed.
 */
export async function copyReferences(parts: CopyParts, counts: CopyCounts): Promise<number> {
  const { source, target, signal } = parts;
  const there = new Set<string>();
  for await (const page of pagesOf(target.backend, signal)) for (const each of page) there.add(nameOf(each));
  let changed = 0;
  const here = new Set<string>();
  for await (const page of pagesOf(source.backend, signal)) {
    for (const each of page) here.add(nameOf(each));
    const missing = page.filter((each) => !there.has(nameOf(each)));
    if (missing.length === 0) continue;
    const newSegments = await segmentsOf(parts, missing, counts);
    await target.backend.commit({ newSegments, addReferences: missing });
    changed += missing.length;
  }
  for await (const page of pagesOf(target.backend, signal)) {
    const gone = page.filter((each) => !here.has(nameOf(each)));
    if (gone.length > 0) await target.backend.commit({ removeReferences: gone });
    changed += gone.length;
  }
  return changed;
}

/** Reads the frames of the segments that the target lacks. */
async function segmentsOf(
  { source, target }: CopyParts,
  references: readonly OutsideReference[],
  counts: CopyCounts,
): Promise<NewSegment[]> {
  const hashes = [...new Set(references.map(({ hash }) => hash))];
  const there = await target.backend.findSegments(hashes);
  const missing = hashes.filter((_, at) => !there[at]);
  const found = await source.backend.findSegments(missing);
  const stored = found.flatMap((each, at) => (each ? [{ ...each, hash: missing[at]! }] : []));
  const frames = await source.backend.readFrames(stored.map(({ key }): SegmentKey => key));
  counts.segments += frames.length;
  for (const frame of frames) counts.frameBytes += frame.length;
  return stored.map(({ hash, tokenCount }, at) => ({ hash, tokenCount, frame: frames[at]! }));
}

async function* pagesOf(
  backend: Listing,
  signal: AbortSignal,
): AsyncGenerator<readonly OutsideReference[], void, void> {
  let after: ReferencePosition | undefined;
  do {
    throwIfAborted(signal);
    const page = await backend.listReferences?.({ limit: pageSize, ...(after !== undefined && { after }) });
    if (!page) return;
    yield page.references;
    after = page.next;
  } while (after !== undefined);
}

/** Returns a short name of a reference: there may be millions. */
function nameOf({ hash, holder }: { readonly hash: SegmentHash; readonly holder: string }): string {
  return createHash('sha256').update(hash).update(holder).digest('base64url').slice(0, 22);
}
