import { v7 as uuidv7 } from 'uuid';
import type { Codec } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import type { ConversationSpec } from '../../model/index.js';
import type { Change, Expectation, StorageBackend } from '../../storage/index.js';
import type { Tokenizers } from '../../text/index.js';
import { newFingerprints, prefixOf } from '../prefix/index.js';
import type { StoreInput, StoreResult } from './types.js';
import { commitManifest } from './commit-manifest.js';
import { toStoreResult } from './commit-segments.js';
import { readContents } from './contents.js';
import { readFields } from './fields.js';
import { hashSegments } from './hash-segments.js';
import { requestPart, specFields } from './request-mark.js';
import { withTokenizer } from './tokenizer-of.js';

export interface StoreParts {
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
  readonly tokenizers: Tokenizers;
  readonly clock: () => number;
  readonly prefixIndex?: (() => boolean) | undefined;
}

/** Stores a conversation in one commit. Only segments that the vault does not have yet are encoded. */
export async function storeConversation(
  parts: StoreParts,
  { spec: given, messages: contents, ifRevision, requestId }: StoreInput,
  signal: AbortSignal,
): Promise<StoreResult> {
  const { core, tokenizers } = parts;
  const hasText = contents.some(({ content }) => content.kind === 'text');
  const spec = hasText ? withTokenizer(tokenizers, given) : given;
  const runs = await readContents(core, tokenizers, spec.tokenizer, contents, signal);
  const fingerprints = newFingerprints(parts);
  const fields = await readFields(parts, contents, signal);
  const { messages, runOf } = await hashSegments(core, contents, runs, signal, fingerprints, fields);
  const timeMs = parts.clock();
  const change: Change = {
    ...requestPart(requestId, timeMs, 'store', [specFields(given), ifRevision], messages),
    put: { spec: withId(spec), messages, expect: expectation(ifRevision), timeMs, ...prefixOf(fingerprints) },
  };
  const result = await commitManifest(parts, change, runOf, signal);
  return toStoreResult(result.put!);
}

/** Returns the spec with a new UUIDv7 if it has no id. */
export function withId(spec: ConversationSpec): ConversationSpec {
  return spec.id === '' ? { ...spec, id: uuidv7() } : spec;
}

export function expectation(ifRevision: number | undefined): Expectation {
  return ifRevision === undefined ? { kind: 'absentOrSame' } : { kind: 'revision', revision: ifRevision };
}
