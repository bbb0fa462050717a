import { isStowkenError, StowkenError, type Reason } from '../model/index.js';
import { retrieveConversation, type RetrieveParts } from './retrieve.js';
import type { RetrieveManyInput, RetrieveManyPart, RetrievePart } from './types.js';

/** What concerns one conversation, and not the others. */
const ofOne: readonly Reason[] = [
  'CONVERSATION_NOT_FOUND',
  'CORRUPT_SEGMENT',
  'CORRUPT_STORE',
  'UNKNOWN_TOKENIZER',
  'UNDECODABLE_TOKEN',
];

/**
 * Streams conversations one after the other, in the order asked. One that fails gives its error, and the next
 * one follows. Batches are made, and to be taken, as retrieveConversation's are.
 */
export async function* retrieveConversations(
  parts: RetrieveParts,
  { ids, encoding }: RetrieveManyInput,
  signal: AbortSignal,
): AsyncGenerator<Iterable<RetrieveManyPart>, void, void> {
  for (const [index, id] of ids.entries()) {
    const state = { failed: false };
    try {
      for await (const batch of retrieveConversation(parts, { id, encoding }, signal)) {
        yield guarded(index, batch, state);
        if (state.failed) break;
      }
    } catch (error) {
      yield [failedPart(index, error)];
    }
  }
}

/** A batch, which ends with its failure where it fails while it is taken. */
function* guarded(
  index: number,
  batch: Iterable<RetrievePart>,
  state: { failed: boolean },
): Generator<RetrieveManyPart, void, void> {
  try {
    for (const part of batch) yield { index, part };
  } catch (error) {
    state.failed = true;
    yield failedPart(index, error);
  }
}

/** @throws what is no single conversation's failure */
function failedPart(index: number, error: unknown): RetrieveManyPart {
  if (error instanceof StowkenError && ofOne.some((reason) => isStowkenError(error, reason))) {
    return { index, part: { kind: 'failed', error } };
  }
  throw error;
}
