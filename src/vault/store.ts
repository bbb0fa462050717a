import { v7 as uuidv7 } from 'uuid';
import type { Codec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import type { ConversationSpec } from '../model/index.js';
import type { Change, Expectation, StorageBackend } from '../storage/index.js';
import type { Tokenizers } from '../text/index.js';
import { commitNaming, toStoreResult } from './commit-segments.js';
import { readContents } from './contents.js';
import { nameSegments } from './name-segments.js';
import { requestPart, specFields } from './request-mark.js';
import type { StoreInput, StoreResult } from './types.js';

export interface StoreParts {
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
  readonly tokenizers: Tokenizers;
  readonly clock: () => number;
}

/** Stores a conversation in one commit; only segments that the vault does not have yet are encoded. */
export async function storeConversation(
  parts: StoreParts,
  { spec, messages: contents, ifRevision, requestId }: StoreInput,
  signal: AbortSignal,
): Promise<StoreResult> {
  const { core, tokenizers } = parts;
  const runs = await readContents(core, tokenizers, spec.tokenizer, contents, signal);
  const { messages, runOf } = await nameSegments(core, contents, runs, signal);
  const timeMs = parts.clock();
  const change: Change = {
    ...requestPart(requestId, timeMs, 'store', [specFields(spec), ifRevision], messages),
    put: { spec: withId(spec), messages, expect: expectation(ifRevision), timeMs },
  };
  const result = await commitNaming(parts, change, runOf, signal);
  return toStoreResult(result.put!);
}

/** With a new UUIDv7 where there is no id. */
export function withId(spec: ConversationSpec): ConversationSpec {
  return spec.id === '' ? { ...spec, id: uuidv7() } : spec;
}

export function expectation(ifRevision: number | undefined): Expectation {
  return ifRevision === undefined ? { kind: 'absentOrSame' } : { kind: 'revision', revision: ifRevision };
}
