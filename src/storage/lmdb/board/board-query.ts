import { type Expiry, isExpired } from '../../../model/index.js';
import type { SharedFinding, SharedHolder, SharedOrder, SharedQuery } from '../../contract/shared.js';
import { decodeManifest } from '../conversations/conversations.js';
import { messagesOf, readBlock } from '../conversations/stored-list.js';
import type { OpenVault } from '../open-vault.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState } from '../tables/meta.js';
import { keyOf, type SegmentId } from '../tables/ids.js';
import { type BoardEntry, entriesWith, readBoard, readRisen, withUse } from './board.js';
import { type BoardLimits, type Candidate, certain, counted, hasEnough } from './choice.js';
import { findFirstUse } from './first-use.js';
import { scanContents } from './scan.js';

/** Newest conversations that are looked through for another one with a segment whose known ones are gone. */
const NEWEST_CONVERSATIONS = 2048;

/**
 * Finds the first shared segments of an order. Undefined if the board does not know: it is being built, or
 * has become too short. Costs the board and the conversations that its uses do not have yet.
 */
export async function sharedSegments(
  vault: OpenVault,
  { order, limit, expiry, signal }: SharedQuery,
): Promise<SharedFinding[] | undefined> {
  const { meta } = vault.tables;
  const board = readBoard(meta);
  if (!board) return undefined;
  const all = counted(vault.tables, entriesWith(board.entries, readRisen(meta)));
  const { candidates, whole } = certain(all, board.thresholds, order);
  if (candidates.length < limit && !whole) return undefined;
  const found = candidates.slice(0, limit);
  const wanted = new Map(found.map(({ entry }) => [entry.id, entry]));
  for (const entry of wanted.values()) {
    if (entry.uses || entry.id >= board.nextSegment) continue;
    const first = findFirstUse(vault.tables, vault.nameOf, entry.id);
    if (first) entry.uses = withUse(undefined, first.number, first.timeMs);
    await new Promise(setImmediate);
    signal.throwIfAborted();
    vault.assertOpen();
  }
  await lookThrough(vault, board.to, signal, (id, number, timeMs) => {
    const entry = wanted.get(id);
    if (entry) entry.uses = withUse(entry.uses, number, timeMs);
  });
  return withHolders(vault, found, expiry, signal);
}

/** True if the board has too few segments for a page, although others are shared too. */
export function isTooShort(tables: OpenVault['tables'], { page }: BoardLimits): boolean {
  const board = readBoard(tables.meta);
  if (!board) return true;
  const all = counted(tables, entriesWith(board.entries, readRisen(tables.meta)));
  const isShort = (order: SharedOrder) => !hasEnough(all, board.thresholds, order, page);
  return isShort('references') || isShort('tokensSaved');
}

/** Reads the conversations after a number. */
async function lookThrough(
  vault: OpenVault,
  after: number,
  signal: AbortSignal,
  onUse: (id: SegmentId, number: number, timeMs: number) => void,
): Promise<void> {
  for (let at: number | undefined = after; ;) {
    const from: number = at;
    at = scanContents(vault.tables, vault.nameOf, { after: from }, (id, _tokens, number, timeMs) => {
      onUse(id, number, timeMs);
    });
    if (at === undefined) return;
    await new Promise(setImmediate);
    signal.throwIfAborted();
    vault.assertOpen();
  }
}

async function withHolders(
  vault: OpenVault,
  found: readonly Candidate[],
  expiry: Expiry | undefined,
  signal: AbortSignal,
): Promise<SharedFinding[]> {
  const findings = found.map(({ entry, references }) => {
    const { id, tokenCount, uses } = entry;
    const span = { firstMs: uses?.firstMs, lastMs: uses?.lastMs };
    return { key: keyOf(id), tokenCount, references, ...span, holder: knownHolder(vault, entry, expiry) };
  });
  const lacking = new Map(
    findings.flatMap(({ holder }, at) => (holder ? [] : [[found[at]!.entry.id, at] as const])),
  );
  if (lacking.size === 0) return findings;
  const { nextConversation } = readState(vault.tables.meta);
  const holders = new Map<number, number>();
  await lookThrough(vault, Math.max(0, nextConversation - 1 - NEWEST_CONVERSATIONS), signal, (id, number) => {
    const at = lacking.get(id);
    if (at !== undefined) holders.set(at, number);
  });
  return findings.map((finding, at) => {
    const number = holders.get(at);
    if (number === undefined) return finding;
    return { ...finding, holder: holderIn(vault, number, found[at]!.entry.id, expiry) };
  });
}

/** Returns the first known conversation with a segment, or the last one if that is gone or has expired. */
function knownHolder(
  vault: OpenVault,
  { id, uses }: BoardEntry,
  expiry: Expiry | undefined,
): SharedHolder | undefined {
  if (!uses) return undefined;
  return holderIn(vault, uses.firstNumber, id, expiry) ?? holderIn(vault, uses.lastNumber, id, expiry);
}

function holderIn(
  { tables, nameOf }: OpenVault,
  number: number,
  id: SegmentId,
  expiry: Expiry | undefined,
): SharedHolder | undefined {
  return undefinedIfCorrupt(() => {
    const record = tables.conversations.get(number);
    if (!record) return undefined;
    const { conversation, list } = decodeManifest(record, nameOf);
    if (expiry && isExpired(conversation, expiry)) return undefined;
    let messageIndex = 0;
    for (const message of messagesOf(list, (block) => readBlock(tables.messageBlocks, block), nameOf)) {
      const { segments, fieldSegments = 0, role } = message;
      if (segments.some((each, at) => each.id === id && at < segments.length - fieldSegments))
        return { conversationId: conversation.id, messageIndex, role };
      messageIndex += 1;
    }
    return undefined;
  });
}
