import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { limits } from '../../model/index.js';
import type { RetrieveManyPart } from '../../vault/index.js';
import { codeOf } from '../errors.js';
import { encodeRetrievedOfMany } from '../responses.js';

/**
 * Encodes the parts of many conversations as RetrieveConversationsResponses: a response has as many parts as
 * fit, across batches, and the last one has the rest. Batches of responses are made as they are taken.
 */
export async function* packedParts(
  batches: AsyncIterable<Iterable<RetrieveManyPart>>,
  logger: Logger,
): AsyncGenerator<Iterable<Buffer>, void, void> {
  const pack = new Pack();
  for await (const batch of batches) yield filled(pack, batch, logger);
  if (pack.length > 0) yield [pack.take()];
}

function* filled(
  pack: Pack,
  batch: Iterable<RetrieveManyPart>,
  logger: Logger,
): Generator<Buffer, void, void> {
  for (const item of batch) {
    const { part } = item;
    // The call goes on, and the operator must know.
    if (part.kind === 'failed' && codeOf[part.error.reason] === status.DATA_LOSS) {
      logger.error({ err: part.error }, 'a conversation is damaged');
    }
    const bytes = encodeRetrievedOfMany(item);
    if (pack.length > 0 && pack.length + bytes.length > limits.partsPackBytesMax) yield pack.take();
    pack.add(bytes);
  }
}

/** Encoded responses that wait to be one. */
class Pack {
  length = 0;
  #responses: Buffer[] = [];

  add(response: Buffer): void {
    this.#responses.push(response);
    this.length += response.length;
  }

  take(): Buffer {
    const one =
      this.#responses.length === 1 ? this.#responses[0]! : Buffer.concat(this.#responses, this.length);
    this.#responses = [];
    this.length = 0;
    return one;
  }
}
