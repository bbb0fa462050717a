import { isStowkenError, limits, type SegmentHash } from '../../model/index.js';
import type {
  ListPosition,
  SegmentKey,
  SharedFinding,
  SharedHolder,
  SharedOrder,
  StorageBackend,
} from '../../storage/index.js';
import { throwIfAborted, Turns, yieldToEventLoop } from '../event-loop.js';
import { retrieveConversation } from '../read/retrieve.js';

export interface SharedInput {
  readonly order: SharedOrder;
  readonly limit: number;
}

export interface SharedSegment {
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  readonly references: number;
  readonly tokensSaved: number;
  /** Create times of the first and the last conversation that were seen with it; undefined: none was. */
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
  /** Conversation that has it, if one is found. */
  readonly holder: SharedHolder | undefined;
  readonly text: string;
}

interface SegmentUse extends SharedHolder {
  firstMs: number;
  lastMs: number;
}

interface Ranked {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  readonly references: number;
  readonly rank: number;
}

const SCANNED_SEGMENTS = 1024;
const SCANNED_BYTES = 1024 * 1024;
/** Segments of fields that are ranked too, and left out of the answer: only message lists tell them apart. */
const FIELDS_MAX = 1024;
const TEXT_CHARACTERS = 1000;

type Parts = Parameters<typeof retrieveConversation>[0] & { readonly backend: StorageBackend };

/**
 * Finds the segments with the most references, or that save most tokens, and where they are used: from the
 * account that the storage keeps, or by reading the vault.
 */
export async function listSharedSegments(
  parts: Parts,
  { order, limit }: SharedInput,
  signal: AbortSignal,
): Promise<SharedSegment[]> {
  const { backend } = parts;
  const known = await backend.sharedSegments?.({ order, limit, signal });
  const shared: SharedSegment[] = [];
  for (const finding of known ?? (await scanned(backend, order, limit, signal))) {
    const { key, tokenCount, references, firstMs, lastMs, holder } = finding;
    const [hash] = await readHash(backend, key);
    // Collected since.
    if (hash === undefined) continue;
    const tokensSaved = (references - 1) * tokenCount;
    const text = holder ? await textOf(parts, holder, signal) : '';
    shared.push({ hash, tokenCount, references, tokensSaved, firstMs, lastMs, holder, text });
  }
  return shared;
}

/** Reads the vault twice, its segments and its conversations, with the best ones in memory alone. */
async function scanned(
  backend: StorageBackend,
  order: SharedOrder,
  limit: number,
  signal: AbortSignal,
): Promise<SharedFinding[]> {
  const { copiesMax = 1 } = backend;
  const ranked = await distinct(
    backend,
    await rank(backend, order, (limit + FIELDS_MAX) * copiesMax, signal),
    limit + FIELDS_MAX,
  );
  const { uses, fields } = await findUses(backend, new Set(ranked.flatMap(({ keys }) => keys)), signal);
  const found: SharedFinding[] = [];
  for (const { key, keys, tokenCount, references } of ranked) {
    if (found.length === limit) break;
    const use = firstAndLast(keys.flatMap((each) => uses.get(each) ?? []));
    if (!use && keys.some((each) => fields.has(each))) continue;
    const span = { firstMs: use?.firstMs, lastMs: use?.lastMs };
    found.push({ key, tokenCount, references, ...span, holder: use });
  }
  return found;
}

/** Leaves one of all copies of a content, with the keys of all. */
async function distinct(backend: StorageBackend, ranked: readonly Ranked[], limit: number) {
  if (!backend.findCopies || backend.copiesMax === 1)
    return ranked.map((each) => ({ ...each, keys: [each.key] }));
  const found: (Ranked & { readonly keys: readonly SegmentKey[] })[] = [];
  const seen = new Set<SegmentKey>();
  for (const each of ranked) {
    if (found.length === limit) break;
    if (seen.has(each.key)) continue;
    const [hash] = await readHash(backend, each.key);
    const keys = hash === undefined ? [each.key] : await backend.findCopies(hash);
    for (const key of keys) seen.add(key);
    found.push({ ...each, keys });
  }
  return found;
}

/** Returns the first use of all copies of a content, with the times of all. */
function firstAndLast(uses: readonly SegmentUse[]): SegmentUse | undefined {
  const [first] = [...uses].sort((a, b) => a.firstMs - b.firstMs);
  return first && { ...first, lastMs: Math.max(...uses.map(({ lastMs }) => lastMs)) };
}

async function rank(
  backend: StorageBackend,
  order: SharedInput['order'],
  limit: number,
  signal: AbortSignal,
) {
  let best: Ranked[] = [];
  const keep = () => {
    best.sort((a, b) => b.rank - a.rank || (a.key < b.key ? -1 : 1));
    best = best.slice(0, limit);
  };
  let after: SegmentKey | undefined;
  do {
    throwIfAborted(signal);
    const page = await backend.scanSegments({
      limit: SCANNED_SEGMENTS,
      bytesMax: SCANNED_BYTES,
      ...(after !== undefined && { after }),
    });
    const counts = await backend.countReferences(page.segments.map(({ key }) => key));
    for (const [at, { key, tokenCount }] of page.segments.entries()) {
      const references = counts[at] ?? 0;
      if (references < 2) continue;
      const value = order === 'references' ? references : (references - 1) * tokenCount;
      best.push({ key, tokenCount, references, rank: value });
    }
    if (best.length > 2 * limit + SCANNED_SEGMENTS) keep();
    after = page.next;
    await yieldToEventLoop();
  } while (after !== undefined);
  keep();
  return best;
}

/** Uses of segments by conversations. */
interface Uses {
  /** Uses in the content of messages. */
  readonly uses: Map<SegmentKey, SegmentUse>;
  /** Segments of the fields of messages. */
  readonly fields: Set<SegmentKey>;
}

/** Looks through the message lists, oldest conversation first. */
async function findUses(
  backend: StorageBackend,
  wanted: ReadonlySet<SegmentKey>,
  signal: AbortSignal,
): Promise<Uses> {
  const found: Uses = { uses: new Map(), fields: new Set() };
  if (wanted.size === 0) return found;
  const query = {
    filter: {},
    order: 'earliestStoreFirst',
    limit: 256,
    scanLimit: limits.pageScanMax,
    signal,
  } as const;
  const turns = new Turns(signal);
  let after: ListPosition | undefined;
  do {
    const page = await backend.listConversations({ ...query, ...(after !== undefined && { after }) });
    for (const { id } of page.conversations) {
      await lookThrough(backend, id, wanted, found, turns).catch((error: unknown) => {
        // A damaged conversation is no reason to name no other.
        if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
      });
    }
    after = page.next;
  } while (after !== undefined);
  return found;
}

async function lookThrough(
  backend: StorageBackend,
  id: string,
  wanted: ReadonlySet<SegmentKey>,
  { uses, fields }: Uses,
  turns: Turns,
): Promise<void> {
  const snapshot = await backend.openConversation(id);
  if (!snapshot) return;
  try {
    const { messageCount, createTimeMs } = snapshot.conversation;
    const messagesMax = limits.readBatchSlotsMax;
    for (let from = 0; from < messageCount; from += messagesMax) {
      const messages = await snapshot.read(from, messagesMax);
      for (const [at, { role, segments, fields: ofFields = [] }] of messages.entries()) {
        for (const { key } of ofFields) if (wanted.has(key)) fields.add(key);
        for (const { key } of segments) {
          if (!wanted.has(key)) continue;
          const use = uses.get(key);
          if (use) {
            use.firstMs = Math.min(use.firstMs, createTimeMs);
            use.lastMs = Math.max(use.lastMs, createTimeMs);
          } else {
            const place = { role, conversationId: id, messageIndex: from + at };
            uses.set(key, { ...place, firstMs: createTimeMs, lastMs: createTimeMs });
          }
        }
      }
      await turns.spend(0, messages);
    }
  } finally {
    snapshot.release();
  }
}

async function readHash(backend: StorageBackend, key: SegmentKey): Promise<SegmentHash[]> {
  return backend.readHashes([key]).catch((error: unknown) => {
    if (isStowkenError(error, 'SEGMENT_NOT_FOUND')) return [];
    throw error;
  });
}

/** Returns the begin of a message's text; empty if it has none: its tokenizer is not known, or it is gone. */
async function textOf(
  parts: Parts,
  { conversationId, messageIndex }: SharedHolder,
  signal: AbortSignal,
): Promise<string> {
  const input = {
    id: conversationId,
    encoding: 'text',
    messageOffset: messageIndex,
    messageLimit: 1,
  } as const;
  try {
    let text = '';
    // A letter may be two characters.
    for await (const batch of retrieveConversation(parts, input, signal)) {
      for (const part of batch)
        if (part.kind === 'chunk' && part.content?.kind === 'text') text += part.content.text;
      if (text.length >= 2 * TEXT_CHARACTERS) break;
    }
    return Array.from(text).slice(0, TEXT_CHARACTERS).join('');
  } catch (error) {
    if (isStowkenError(error, 'CANCELLED')) throw error;
    return '';
  }
}
