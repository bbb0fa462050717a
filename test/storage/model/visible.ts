import { expect } from 'vitest';
import type { ConversationSnapshot, ManagedBackend, SegmentKey } from '../../../src/storage/index.js';
import type { Bench } from '../../contract/support.js';
import { messagesOf } from '../../support/snapshots.js';

/** Returns everything that a caller can see of a vault, without the backend's own keys. */
export async function visible({ backend, codec }: Bench) {
  const { conversations } = await backend.listConversations({
    filter: {},
    order: 'oldestFirst',
    limit: 1000,
    scanLimit: 1000,
  });
  const manifests = [];
  for (const { id } of conversations) manifests.push(await read(backend, await backend.openConversation(id)));
  const { segments: garbage } = await backend.listGarbage({ limit: 1000, garbageBeforeMs: Infinity });
  const { inUseBytes, fileBytes, ...stats } = await backend.stats();
  expect(inUseBytes).toBeGreaterThanOrEqual(stats.segmentBytes);
  expect(fileBytes).toBeGreaterThanOrEqual(0);
  const registries = await backend.listRegistries();
  return {
    conversations,
    manifests,
    garbage: await backend.readHashes(garbage.map(({ key }) => key)),
    segments: await scanned(backend),
    stats,
    registries,
    registryBytes: await Promise.all(registries.map(async ({ id }) => hex(await backend.readRegistry(id)))),
    coders: codec.registries.map(({ id }) => id),
  };
}

/** Returns what a caller can see of conversations and their segments, of which there may be copies. */
export async function visibleContent(bench: Bench) {
  const { conversations, manifests, segments, stats } = await visible(bench);
  const content = manifests.map(
    (each) => each && { ...each, messages: each.messages.map(({ role, hashes }) => ({ role, hashes })) },
  );
  const counts = segments.flat().map(([hash, references, tokens]) => [hash, references, tokens] as const);
  const byHash = new Map(counts.map((each) => [each[0], each]));
  const order = [...byHash.values()].sort(([a], [b]) => String(a).localeCompare(String(b)));
  const figures = [stats.conversations, stats.messages, stats.tokens];
  return { conversations, content, segments: order, figures };
}

/** Returns all segments, by pages of a few. */
async function scanned(backend: ManagedBackend) {
  const all = [];
  let after: SegmentKey | undefined;
  do {
    const page = await backend.scanSegments({ limit: 9, bytesMax: 6_000, ...(after && { after }) });
    const keys = page.segments.map(({ key }) => key);
    const hashes = await backend.readHashes(keys);
    const counts = await backend.countReferences(keys);
    all.push(
      page.segments.map(({ tokenCount, frame }, at) => [hashes[at], counts[at], tokenCount, hex(frame)]),
    );
    after = page.next;
  } while (after !== undefined);
  return all;
}

/** Reads a snapshot to its end, as the hashes and frames of its messages; releases it. */
export async function read(backend: ManagedBackend, snapshot: ConversationSnapshot | undefined) {
  if (!snapshot) return undefined;
  const messages = [];
  for (const { segments, ...rest } of await messagesOf(snapshot)) {
    const keys = segments.map(({ key }) => key);
    const hashes = await backend.readHashes(keys);
    messages.push({ ...rest, hashes, frames: (await backend.readFrames(keys)).map(hex) });
  }
  snapshot.release();
  return { conversation: snapshot.conversation, messages };
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
