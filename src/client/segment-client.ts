import { method } from './contract.js';
import { itemError } from './errors.js';
import { fromUint64, toUint32 } from './numbers.js';
import { fromLe32, toLe32 } from './messages.js';
import { withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type { CallControl } from './connection-types.js';
import type * as T from './segment-types.js';

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    put: method('SegmentService', 'PutSegments'),
    get: method('SegmentService', 'GetSegments'),
    has: method('SegmentService', 'HasSegments'),
    addReferences: method('SegmentService', 'AddReferences'),
    removeReferences: method('SegmentService', 'RemoveReferences'),
    delete: method('SegmentService', 'DeleteSegment'),
    listGarbage: method('SegmentService', 'ListGarbage'),
  };
}

type Methods = ReturnType<typeof methods>;

/**
 * A vault's segments, for clients that keep their own manifests. Batches return one result for each item, in
 * order. Everything but delete is retried while no server answers.
 */
export class SegmentClient {
  private readonly methods = methods();

  constructor(
    private readonly transport: Transport,
    private readonly vault: string,
  ) {}

  /** Durable when it resolves. Without a holder, segments that nothing else refers to are garbage. */
  async put(
    segments: readonly T.SegmentTokens[],
    options: T.PutSegmentsOptions = {},
  ): Promise<T.PutSegmentResult[]> {
    const { holder = '', ...control } = withKnownFields('putSegments', options);
    const request = {
      vault: this.vault,
      segments: segments.map((tokens) => ({
        tokensLe32: tokens instanceof Uint8Array ? tokens : toLe32(tokens),
      })),
      holder,
    };
    const { results } = await this.transport.unary(this.methods.put, request, control, true);
    return results.map(({ status, hash, tokenCount }) => {
      const error = itemError(status);
      return error ? { kind: 'failed', error } : { kind: 'stored', hash, tokenCount };
    });
  }

  /** Yields whole segments in the order asked, one in memory at a time. */
  async *get(
    hashes: readonly string[],
    control: CallControl = {},
  ): AsyncGenerator<T.SegmentResult, void, void> {
    const request = { vault: this.vault, hashes, encoding: 'ENCODING_LE32' } as const;
    let pieces: Buffer[] = [];
    for await (const part of this.transport.stream(this.methods.get, request, control, true)) {
      const hash = hashes[part.index] ?? '';
      const error = itemError(part.status);
      if (error) {
        yield { kind: 'failed', hash, error };
        continue;
      }
      if (part.content === 'tokensLe32') pieces.push(part.tokensLe32);
      if (!part.endOfSegment) continue;
      yield {
        kind: 'segment',
        hash,
        tokens: fromLe32(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)),
      };
      pieces = [];
    }
  }

  async has(hashes: readonly string[], control: CallControl = {}): Promise<T.HasSegmentResult[]> {
    const request = { vault: this.vault, hashes };
    const { results } = await this.transport.unary(this.methods.has, request, control, true);
    return results.map(({ status, found, tokenCount, refCount }) => {
      const error = itemError(status);
      if (error) return { kind: 'failed', error };
      if (!found) return { kind: 'absent' };
      return { kind: 'stored', tokenCount, refCount: fromUint64('ref_count', refCount) };
    });
  }

  addReferences(
    references: readonly T.SegmentReference[],
    control: CallControl = {},
  ): Promise<T.ReferenceResult[]> {
    return this.changeReferences(this.methods.addReferences, references, control);
  }

  /** References of conversations are not touched. */
  removeReferences(
    references: readonly T.SegmentReference[],
    control: CallControl = {},
  ): Promise<T.ReferenceResult[]> {
    return this.changeReferences(this.methods.removeReferences, references, control);
  }

  /** Rejects with SEGMENT_NOT_FOUND or SEGMENT_REFERENCED. */
  async delete(hash: string, control: CallControl = {}): Promise<void> {
    await this.transport.unary(this.methods.delete, { vault: this.vault, hash }, control, false);
  }

  async listGarbagePage(options: T.GarbagePageOptions = {}): Promise<T.GarbagePage> {
    const { pageSize = 0, pageToken = '', ...control } = withKnownFields('garbagePage', options);
    const request = { vault: this.vault, pageSize: toUint32('page size', pageSize), pageToken };
    const page = await this.transport.unary(this.methods.listGarbage, request, control, true);
    return {
      segments: page.segments.map(({ bytes, ...same }) => ({ ...same, bytes: fromUint64('bytes', bytes) })),
      damaged: page.damaged.map(({ status, bytes }) => ({
        error: itemError(status)!,
        bytes: fromUint64('bytes', bytes),
      })),
      nextPageToken: page.nextPageToken,
    };
  }

  private async changeReferences(
    change: Methods['addReferences' | 'removeReferences'],
    references: readonly T.SegmentReference[],
    control: CallControl,
  ): Promise<T.ReferenceResult[]> {
    const known = references.map((each, index) => withKnownFields('reference', each, `references[${index}]`));
    const request = { vault: this.vault, references: known };
    const { results } = await this.transport.unary(change, request, control, true);
    return results.map(({ status, refCount }) => {
      const error = itemError(status);
      return error
        ? { kind: 'failed', error }
        : { kind: 'done', refCount: fromUint64('ref_count', refCount) };
    });
  }
}
