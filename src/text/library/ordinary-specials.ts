import { randomBytes } from 'node:crypto';

interface TokenizerParts {
  readonly added_tokens?: readonly { readonly content: string; readonly special?: boolean }[] | null;
  readonly model: {
    readonly unk_token?: string | null;
    readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
    readonly merges?: readonly (string | readonly [string, string])[];
  };
}

/**
 * Returns a tokenizer.json to which the text of special tokens is ordinary text: they have names that no text
 * has, and that nobody can guess. Their ids stay.
 */
export function withOrdinarySpecials(json: string): string {
  const parts = JSON.parse(json) as TokenizerParts;
  const specials = (parts.added_tokens ?? []).filter(({ special }) => special);
  const secret = `z${randomBytes(16).toString('hex')}`;
  const names = new Map(specials.map(({ content }, index) => [content, `${secret}x${index}z`]));
  const nameOf = (content: string) => names.get(content) ?? content;
  const { vocab, merges, unk_token: unknown } = parts.model;
  const model = {
    ...parts.model,
    vocab: isList(vocab)
      ? vocab.map(([letters, score]) => [nameOf(letters), score])
      : Object.fromEntries(Object.entries(vocab).map(([letters, id]) => [nameOf(letters), id])),
    ...(typeof unknown === 'string' && { unk_token: nameOf(unknown) }),
    // No text becomes a special token by merges.
    ...(merges !== undefined && { merges: merges.filter((merge) => !makes(merge, names)) }),
  };
  const added = (parts.added_tokens ?? []).map((token) =>
    token.special ? { ...token, content: nameOf(token.content) } : token,
  );
  return JSON.stringify({ ...parts, added_tokens: added, model });
}

function isList(vocab: TokenizerParts['model']['vocab']): vocab is readonly (readonly [string, number])[] {
  return Array.isArray(vocab);
}

/** True if a merge makes one of these tokens, or is made of one. */
function makes(merge: string | readonly [string, string], names: ReadonlyMap<string, string>): boolean {
  const [left, right] = typeof merge === 'string' ? merge.split(' ') : merge;
  return names.has(left) || names.has(right) || names.has(`${left}${right}`);
}
