import { copyOut, type TokenCore } from '../core/index.js';
import { isStowkenError, limits, StowkenError, type SegmentHash, type TokenRun } from '../model/index.js';
import { builtInRegistry } from './built-in.js';
import { builtInRegistryId, frameVersions, readBlocks, readHead } from './frame.js';
import type { Registry, TokenForm } from './registry.js';

/** Limit of the frames that are decoded in one call. */
const RUN_FRAMES_MAX = 256;
const RUN_BYTES_MAX = 64 * 1024;

/** Tokens in one form, and their number. */
interface Decoded {
  readonly bytes: Uint8Array;
  readonly tokenCount: number;
}

/** Decodes frames to tokens; Codec documents the results and errors. */
export class FrameDecoder {
  constructor(
    private readonly core: TokenCore,
    /** Returns the vault's registry of this id, if it is there; never asked for the built-in one. */
    private readonly findOwn: (id: number) => Registry | undefined,
  ) {}

  decode(frame: Uint8Array): TokenRun {
    const { bytes, tokenCount } = whole(() => this.#tokens(frame, 'varints'));
    return { varints: bytes, tokenCount };
  }

  decodeLe32(frame: Uint8Array): Uint8Array {
    return whole(() => this.#tokens(frame, 'le32')).bytes;
  }

  decodeMany(frames: readonly Uint8Array[], form: TokenForm): (Uint8Array | StowkenError)[] {
    const results: (Uint8Array | StowkenError)[] = [];
    while (results.length < frames.length) {
      const from = results.length;
      const to = endOfRun(frames, from);
      const registry = to > from ? this.#find(frames[from]![0]! - frameVersions.shortBlock) : undefined;
      if (registry === undefined) results.push(this.#decodeOr(frames[from]!, form));
      else results.push(...registry.decodeFrames(frames, from, to, form));
    }
    return results;
  }

  hashOf(frame: Uint8Array): SegmentHash {
    return whole(() => {
      const head = readHead(frame);
      if (head.kind === 'varints') return this.core.hash(frame.subarray(head.length));
      if (head.kind === 'blocks' || head.kind === 'le32')
        return this.core.hashLe32(this.#tokens(frame, 'le32').bytes);
      // Most segments are one block, which is hashed in the memory that it was decoded to.
      return this.core.hashLe32(
        this.#registry(head.registryId).decodeBlock(frame, head.length, 'le32').bytes,
      );
    });
  }

  #decodeOr(frame: Uint8Array, form: TokenForm): Uint8Array | StowkenError {
    try {
      return whole(() => this.#tokens(frame, form)).bytes;
    } catch (error) {
      if (!isStowkenError(error, 'CORRUPT_SEGMENT')) throw error;
      return error;
    }
  }

  #tokens(frame: Uint8Array, form: TokenForm): Decoded {
    const head = readHead(frame);
    if (head.kind === 'varints') {
      const varints = frame.subarray(head.length);
      const bytes = form === 'le32' ? this.core.toLe32(varints) : varints;
      return { bytes, tokenCount: form === 'le32' ? bytes.length / 4 : this.core.countTokens(varints) };
    }
    if (head.kind === 'le32') {
      const le32 = frame.subarray(head.length);
      if (le32.length % 4 !== 0) throw new StowkenError('CORRUPT_SEGMENT', 'the frame ends within a token');
      return {
        bytes: form === 'le32' ? le32 : this.core.fromLe32(le32).varints,
        tokenCount: le32.length / 4,
      };
    }
    const registry = this.#registry(head.registryId);
    if (head.kind === 'block') {
      const { bytes, tokenCount } = registry.decodeBlock(frame, head.length, form);
      return { bytes: copyOut(bytes, 0, bytes.length), tokenCount };
    }
    const parts: Uint8Array[] = [];
    let tokenCount = 0;
    for (const block of readBlocks(frame, head)) {
      const part = registry.decodeBlock(block, 0, form);
      parts.push(part.bytes.slice());
      tokenCount += part.tokenCount;
      // A few bytes can stand for a whole block: the output is limited to the size of a segment.
      if (tokenCount > limits.segmentTokensMax) {
        throw new StowkenError('CORRUPT_SEGMENT', `the frame holds over ${limits.segmentTokensMax} tokens`);
      }
    }
    return { bytes: new Uint8Array(Buffer.concat(parts)), tokenCount };
  }

  #find(id: number): Registry | undefined {
    return id === builtInRegistryId ? builtInRegistry(this.core) : this.findOwn(id);
  }

  #registry(id: number): Registry {
    const registry = this.#find(id);
    if (registry !== undefined) return registry;
    throw new StowkenError('CORRUPT_SEGMENT', `the frame needs registry ${id}, which is not here`, {
      registry: String(id),
    });
  }
}

/**
 * Returns the end of the sequence of frames from frames[from] on that have the usual form and need the same
 * registry.
 */
function endOfRun(frames: readonly Uint8Array[], from: number): number {
  const version = frames[from]![0] ?? 0;
  if (version < frameVersions.shortBlock) return from;
  let to = from;
  for (let bytes = 0; to < frames.length && to < from + RUN_FRAMES_MAX && bytes < RUN_BYTES_MAX; to++) {
    if (frames[to]![0] !== version) break;
    bytes += frames[to]!.length;
  }
  return to;
}

/** Converts errors: stored bytes that are not tokens are damage, whoever reads them. */
function whole<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isStowkenError(error, 'MALFORMED_TOKENS')) throw error;
    throw new StowkenError(
      'CORRUPT_SEGMENT',
      `the frame does not decode: ${error.message}`,
      {},
      { cause: error },
    );
  }
}
