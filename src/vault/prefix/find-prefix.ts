import type { Codec } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { limits, StowkenError } from '../../model/index.js';
import {
  type ConversationSnapshot,
  type PrefixFinding,
  prefixFingerprintBytes,
  type SegmentKey,
  type StorageBackend,
} from '../../storage/index.js';
import type { Tokenizers } from '../../text/index.js';
import { piecesOf } from '../content-pieces.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import { hasSegment, type StoredSlice, slicesInRange } from '../read/range.js';
import { unsupported } from '../refusals.js';
import type { FindPrefixInput, PrefixMatch } from '../read/types.js';
import { contentTokens, readContent } from '../write/contents.js';
import { BlockFingerprints } from './block-fingerprints.js';

export interface FindPrefixParts {
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
  readonly tokenizers: Tokenizers;
  readonly prefixIndex?: (() => boolean) | undefined;
}

/**
 * Finds conversations by blocks and compares them by tokens, so two different blocks with one fingerprint are
 * never taken for equal. A conversation that is changed or deleted meanwhile is compared in its new state, or
 * left out.
 */
export async function findPrefix(
  parts: FindPrefixParts,
  { content, tokenizer, application, minTokens, limit }: FindPrefixInput,
  signal: AbortSignal,
): Promise<PrefixMatch[]> {
  const { backend, core } = parts;
  if (!backend.findPrefix) throw unsupported('prefix index', backend);
  if (parts.prefixIndex?.() === false)
    throw new StowkenError('PREFIX_INDEX_OFF', 'the prefix index of the vault is off');
  const fingerprints = new BlockFingerprints(backend.vaultId);
  const le32: Uint8Array[] = [];
  const { tokens, release } = await contentTokens(parts, content, tokenizer, 'prefix', signal);
  try {
    for (const piece of piecesOf(tokens)) {
      const run = readContent(core, piece, 'prefix');
      await fingerprints.pushInTurns(run, signal);
      le32.push(core.toLe32(run.varints));
    }
  } finally {
    release();
  }
  const comparison = new PrefixComparison(parts, Buffer.concat(le32), signal);
  let blocks = fingerprints.blocks();
  for (;;) {
    const found = await backend.findPrefix({ application, blocks, limit: limits.prefixMatchesMax });
    const matches = await compare(backend, comparison, found, application);
    if (matches.length > 0 || found.blocks === 0) {
      return matches
        .filter(({ sharedTokens }) => sharedTokens >= minTokens)
        .sort(byTokensThenNewest)
        .slice(0, limit);
    }
    // A different block has the last fingerprint, or the conversations found have just been deleted: look for
    // fewer blocks.
    blocks = blocks.subarray(0, (found.blocks - 1) * prefixFingerprintBytes);
  }
}

/** Returns the conversations that really share so many blocks, with the tokens that they share. */
async function compare(
  backend: StorageBackend,
  comparison: PrefixComparison,
  { ids, blocks }: PrefixFinding,
  application: string | undefined,
): Promise<PrefixMatch[]> {
  const matches: PrefixMatch[] = [];
  for (const id of ids) {
    const snapshot = await backend.openConversation(id);
    if (!snapshot) continue;
    try {
      const { conversation } = snapshot;
      if (application !== undefined && conversation.application !== application) continue;
      const sharedTokens = await comparison.sharedTokens(snapshot);
      if (sharedTokens >= blocks * limits.prefixBlockTokens) matches.push({ conversation, sharedTokens });
    } finally {
      snapshot.release();
    }
  }
  return matches;
}

function byTokensThenNewest(one: PrefixMatch, other: PrefixMatch): number {
  const tokens = other.sharedTokens - one.sharedTokens;
  return tokens !== 0 ? tokens : other.conversation.createTimeMs - one.conversation.createTimeMs;
}

/** Compares conversations with the same tokens. A segment that two of them share is decoded once. */
class PrefixComparison {
  /** Segments that were equal, with their place. */
  readonly #equal = new Set<string>();

  constructor(
    private readonly parts: { readonly backend: StorageBackend; readonly codec: Codec },
    /** Tokens as le32. */
    private readonly le32: Uint8Array,
    private readonly signal: AbortSignal,
  ) {}

  /** Returns the exact number of tokens that the conversation shares from the beginning. */
  async sharedTokens(snapshot: ConversationSnapshot): Promise<number> {
    const tokenLimit = this.le32.length / 4;
    let shared = 0;
    for await (const slots of slicesInRange(snapshot, { tokenLimit })) {
      throwIfAborted(this.signal);
      const places = slots.filter(hasSegment);
      const decoded = await this.#decode(places, shared);
      for (const place of places) {
        const le32 = decoded.get(place.key);
        const same = le32 ? this.#same(le32, place, shared) : place.to;
        shared += same;
        if (same < place.to) return shared;
      }
      await yieldToEventLoop();
    }
    return shared;
  }

  /** Decodes, as le32, those segments that were not found equal at their place before. */
  async #decode(places: readonly StoredSlice[], from: number): Promise<ReadonlyMap<SegmentKey, Uint8Array>> {
    const keys = new Set<SegmentKey>();
    let at = from;
    for (const { key, to } of places) {
      if (!this.#equal.has(`${key}@${at}`)) keys.add(key);
      at += to;
    }
    const wanted = [...keys];
    const frames = await this.parts.backend.readFrames(wanted);
    const decoded = this.parts.codec.snapshot().decodeMany(frames, 'le32');
    return new Map(
      decoded.map((le32, index) => {
        if (le32 instanceof StowkenError) throw le32;
        return [wanted[index]!, le32];
      }),
    );
  }

  /** Returns how many of a segment's tokens, from its first on, equal the tokens at this place. */
  #same(le32: Uint8Array, { key, tokenCount, to }: StoredSlice, at: number): number {
    const mine = le32.subarray(0, 4 * to);
    const theirs = this.le32.subarray(4 * at, 4 * (at + to));
    if (Buffer.compare(mine, theirs) === 0) {
      if (to === tokenCount) this.#equal.add(`${key}@${at}`);
      return to;
    }
    let byte = 0;
    while (mine[byte] === theirs[byte]) byte++;
    return Math.floor(byte / 4);
  }
}
