import type { Codec } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { limits, StowkenError } from '../../model/index.js';
import { prefixFingerprintBytes, type PrefixFinding, type StorageBackend } from '../../storage/index.js';
import type { Tokenizers } from '../../text/index.js';
import { piecesOf } from '../content-pieces.js';
import { encodeTexts, readContent } from '../contents.js';
import type { FindPrefixInput, MessageContent, PrefixMatch } from '../types.js';
import { unsupported } from '../unsupported.js';
import { BlockFingerprints } from './block-fingerprints.js';
import { PrefixComparison } from './shared-tokens.js';

export interface FindPrefixParts {
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
  readonly tokenizers: Tokenizers;
  readonly prefixIndex?: boolean | undefined;
}

/**
 * Finds by blocks, and compares by tokens: two blocks of the same fingerprint are never taken for the same.
 * A conversation that is changed or deleted meanwhile is compared as it is then, or left out.
 */
export async function findPrefix(
  parts: FindPrefixParts,
  { content, tokenizer, application, minTokens, limit }: FindPrefixInput,
  signal: AbortSignal,
): Promise<PrefixMatch[]> {
  const { backend, core, prefixIndex = true } = parts;
  if (!backend.findPrefix) throw unsupported('prefix index', backend);
  if (!prefixIndex)
    throw new StowkenError('PREFIX_INDEX_OFF', 'the server was started with --prefix-index off');
  const fingerprints = new BlockFingerprints(backend.vaultId);
  const words: Uint8Array[] = [];
  for (const piece of piecesOf(await tokensOf(parts, content, tokenizer, signal))) {
    const run = readContent(core, piece, 'prefix');
    await fingerprints.pushInTurns(run, signal);
    words.push(core.toWords(run.varints));
  }
  const comparison = new PrefixComparison(parts, Buffer.concat(words), signal);
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
    // Another block had the last one's fingerprint, or what was found has just been deleted: look for less.
    blocks = blocks.subarray(0, (found.blocks - 1) * prefixFingerprintBytes);
  }
}

/** Of what was found, that which really shares so many blocks, with the tokens that it shares. */
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

/** The content itself, or the tokens of its text. */
async function tokensOf(
  { tokenizers }: FindPrefixParts,
  content: MessageContent,
  tokenizer: string,
  signal: AbortSignal,
): Promise<MessageContent> {
  if (content.kind !== 'text') return content;
  const texts = [{ text: content.text, at: 'prefix' }];
  const [words] = await encodeTexts(tokenizers, tokenizer, texts, signal);
  return { kind: 'words', bytes: words! };
}

function byTokensThenNewest(one: PrefixMatch, other: PrefixMatch): number {
  const tokens = other.sharedTokens - one.sharedTokens;
  return tokens !== 0 ? tokens : other.conversation.createTimeMs - one.conversation.createTimeMs;
}
