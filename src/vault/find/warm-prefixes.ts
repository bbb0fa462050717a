import { isStowkenError, limits, StowkenError } from '../../model/index.js';
import type { StorageBackend, WarmFinding } from '../../storage/index.js';
import { retrieveConversation } from '../read/retrieve.js';
import { unsupported } from '../refusals.js';

export interface WarmPrefixesInput {
  /** All applications if undefined. */
  readonly application: string | undefined;
  readonly createdFromMs: number;
  readonly tokensMin: number;
  readonly limit: number;
  /** True to leave out the tokens. */
  readonly withoutTokens: boolean;
}

/** A prefix worth keeping in a cache; its tokens follow in parts. */
export type WarmPrefixPart =
  | (Omit<WarmFinding, 'blocks'> & { readonly kind: 'prefix'; readonly tokens: number })
  | { readonly kind: 'tokens'; readonly le32: Uint8Array };

type Parts = Parameters<typeof retrieveConversation>[0] & {
  readonly backend: StorageBackend;
  readonly prefixIndex?: (() => boolean) | undefined;
};

/**
 * Yields the prefixes with the greatest product of tokens and conversations that begin with them, the best
 * first; each with its tokens, read from the newest of those conversations. One that was deleted or changed
 * meanwhile is left out, with its prefix.
 */
export async function* listWarmPrefixes(
  parts: Parts,
  { application, createdFromMs, tokensMin, limit, withoutTokens }: WarmPrefixesInput,
  signal: AbortSignal,
): AsyncGenerator<WarmPrefixPart, void, void> {
  const { backend } = parts;
  if (!backend.warmPrefixes) throw unsupported('prefix index', backend);
  if (parts.prefixIndex?.() === false)
    throw new StowkenError('PREFIX_INDEX_OFF', 'the prefix index of the vault is off');
  const blocksMin = Math.max(1, Math.ceil(tokensMin / limits.prefixBlockTokens));
  const found = await backend.warmPrefixes({ application, createdFromMs, blocksMin, limit, signal });
  for (const { blocks, ...prefix } of found) {
    const tokens = blocks * limits.prefixBlockTokens;
    const head = { kind: 'prefix', ...prefix, tokens } as const;
    if (withoutTokens) {
      yield head;
      continue;
    }
    let left = tokens;
    try {
      const input = { id: prefix.id, encoding: 'le32', tokenLimit: tokens } as const;
      for await (const batch of retrieveConversation(parts, input, signal)) {
        for (const part of batch) {
          if (part.kind === 'header' && part.conversation.totalTokens < tokens) break;
          if (part.kind !== 'chunk' || part.content?.kind !== 'le32') continue;
          if (left === tokens) yield head;
          left -= part.content.bytes.length / 4;
          yield { kind: 'tokens', le32: part.content.bytes };
        }
      }
    } catch (error) {
      // A prefix that was begun must not be taken for a whole one.
      if (left < tokens || !isStowkenError(error, 'CONVERSATION_NOT_FOUND')) throw error;
    }
  }
}
