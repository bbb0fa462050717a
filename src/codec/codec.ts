import { copyOut, type TokenCore } from '../core/index.js';
import { isStowkenError, limits, StowkenError, type SegmentHash, type TokenRun } from '../model/index.js';
import { builtInRegistry } from './built-in.js';
import {
  builtInRegistryId,
  frameVersions,
  readBlocks,
  readHead,
  writeBlockFrame,
  writeBlocksFrame,
} from './frame.js';
import { Registry, type TokenForm } from './registry.js';

/** Frames that are decoded in one call. */
const RUN_FRAMES_MAX = 256;
const RUN_BYTES_MAX = 64 * 1024;

/**
 * Between a segment's tokens and the bytes that are stored for them. Synchronous, for one thread.
 * What is passed in is never changed. Every result is the caller's own, but for `decode`, which may
 * return a view of the frame that it was given.
 */
export interface Codec {
  /** The smallest frame of those known: with the newest registry or else the built-in one, or varints. Deterministic. */
  readonly encode: (run: TokenRun) => Uint8Array;

  /** @throws StowkenError CORRUPT_SEGMENT for anything that no encoder wrote, or whose registry is not here */
  readonly decode: (frame: Uint8Array) => TokenRun;

  /** The tokens as 4-byte little-endian words. @throws StowkenError as decode */
  readonly decodeWords: (frame: Uint8Array) => Uint8Array;

  /**
   * The tokens of many frames in one form, faster than one by one where they are short; instead of what
   * does not decode the error that says why. The results share buffers with each other and with the frames.
   */
  readonly decodeMany: (frames: readonly Uint8Array[], form: TokenForm) => (Uint8Array | StowkenError)[];

  /** The name of the segment that the frame holds. @throws StowkenError as decode */
  readonly hashOf: (frame: Uint8Array) => SegmentHash;

  /** The vault's registries that frames can be decoded with, by rising id; the last one encodes. */
  readonly registries: readonly Registry[];

  /**
   * A codec that has this registry too, shared with this one; the highest id encodes.
   * @throws StowkenError CORRUPT_STORE when the bytes are damaged, STORE_VERSION when they are newer
   */
  readonly withRegistry: (bytes: Uint8Array) => Codec;

  /** A codec without these registries. */
  readonly withoutRegistries: (ids: Iterable<number>) => Codec;

  /** Loads what encodes now, so that the first segment does not wait for it. */
  readonly prepare: () => void;

  /** The codec as it is now: whatever registries are removed later, it decodes what it could. */
  readonly snapshot: () => Codec;
}

export function createCodec(core: TokenCore, registries: readonly Registry[] = []): Codec {
  return new RegistryCodec(core, registries).face();
}

class RegistryCodec {
  readonly #byId: ReadonlyMap<number, Registry>;
  readonly #newest: Registry | undefined;

  constructor(
    private readonly core: TokenCore,
    private readonly registries: readonly Registry[],
  ) {
    this.#byId = new Map(registries.map((registry) => [registry.id, registry]));
    this.#newest = registries.at(-1);
  }

  face(): Codec {
    const face: Codec = {
      encode: (run) => this.#encode(run),
      decode: (frame) => whole(() => this.#decode(frame)),
      decodeWords: (frame) => whole(() => this.#decodeWords(frame)),
      decodeMany: (frames, form) => this.#decodeMany(frames, form),
      hashOf: (frame) => whole(() => this.#hashOf(frame)),
      registries: this.registries,
      withRegistry: (bytes) => {
        const added = new Registry(this.core, bytes);
        if (added.id === builtInRegistryId) {
          throw new StowkenError(
            'CORRUPT_STORE',
            `registry ${added.id} comes with the program: no vault has one`,
          );
        }
        const others = this.registries.filter((registry) => registry.id !== added.id);
        return createCodec(
          this.core,
          [...others, added].sort((a, b) => a.id - b.id),
        );
      },
      withoutRegistries: (ids) => {
        const gone = new Set(ids);
        return createCodec(
          this.core,
          this.registries.filter((registry) => !gone.has(registry.id)),
        );
      },
      prepare: () => void this.#encoder(),
      snapshot: () => face,
    };
    return face;
  }

  #encode(run: TokenRun): Uint8Array {
    const coded = this.#encodeWith(this.#encoder(), run);
    if (coded !== undefined && coded.length <= run.varints.length) return coded;
    const frame = new Uint8Array(1 + run.varints.length);
    frame[0] = frameVersions.varints;
    frame.set(run.varints, 1);
    return frame;
  }

  #encoder(): Registry {
    return this.#newest ?? builtInRegistry(this.core);
  }

  #encodeWith(registry: Registry, run: TokenRun): Uint8Array | undefined {
    if (run.tokenCount <= limits.codecBlockTokensMax) {
      const block = registry.encodeBlock(run.varints, run.tokenCount);
      return block && writeBlockFrame(registry.id, block);
    }
    const blocks: Uint8Array[] = [];
    let rest = run.varints;
    for (let left = run.tokenCount; left > 0; left -= limits.codecBlockTokensMax) {
      const tokens = Math.min(left, limits.codecBlockTokensMax);
      const length = this.core.byteOffset(rest, tokens);
      const block = registry.encodeBlock(rest.subarray(0, length), tokens);
      if (block === undefined) return undefined;
      blocks.push(block);
      rest = rest.subarray(length);
    }
    return writeBlocksFrame(registry.id, blocks);
  }

  #decode(frame: Uint8Array): TokenRun {
    const head = readHead(frame);
    if (head.kind === 'varints') {
      const varints = frame.subarray(head.length);
      return { varints, tokenCount: this.core.countTokens(varints) };
    }
    const registry = this.#registry(head.registryId);
    if (head.kind === 'block') {
      const { bytes, tokenCount } = registry.decodeBlock(frame, head.length, 'varints');
      return { varints: own(bytes), tokenCount };
    }
    const parts: Uint8Array[] = [];
    let tokenCount = 0;
    for (const block of readBlocks(frame, head)) {
      const part = registry.decodeBlock(block, 0, 'varints');
      parts.push(part.bytes.slice());
      tokenCount += part.tokenCount;
      this.#checkSize(tokenCount);
    }
    return { varints: new Uint8Array(Buffer.concat(parts)), tokenCount };
  }

  #decodeWords(frame: Uint8Array): Uint8Array {
    const head = readHead(frame);
    if (head.kind === 'varints') return this.core.toWords(frame.subarray(head.length));
    const registry = this.#registry(head.registryId);
    if (head.kind === 'block') return own(registry.decodeBlock(frame, head.length, 'words').bytes);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (const block of readBlocks(frame, head)) {
      const words = registry.decodeBlock(block, 0, 'words').bytes.slice();
      parts.push(words);
      bytes += words.length;
      this.#checkSize(bytes / 4);
    }
    return new Uint8Array(Buffer.concat(parts));
  }

  #decodeMany(frames: readonly Uint8Array[], form: TokenForm): (Uint8Array | StowkenError)[] {
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

  #decodeOr(frame: Uint8Array, form: TokenForm): Uint8Array | StowkenError {
    try {
      return whole(() => (form === 'words' ? this.#decodeWords(frame) : this.#decode(frame).varints));
    } catch (error) {
      if (!isStowkenError(error, 'CORRUPT_SEGMENT')) throw error;
      return error;
    }
  }

  #hashOf(frame: Uint8Array): SegmentHash {
    const head = readHead(frame);
    if (head.kind === 'varints') return this.core.hash(frame.subarray(head.length));
    if (head.kind === 'block') {
      const { bytes } = this.#registry(head.registryId).decodeBlock(frame, head.length, 'words');
      return this.core.hashWords(bytes);
    }
    return this.core.hashWords(this.#decodeWords(frame));
  }

  #find(id: number): Registry | undefined {
    return id === builtInRegistryId ? builtInRegistry(this.core) : this.#byId.get(id);
  }

  #registry(id: number): Registry {
    const registry = this.#find(id);
    if (registry !== undefined) return registry;
    throw new StowkenError('CORRUPT_SEGMENT', `the frame needs registry ${id}, which is not here`, {
      registry: String(id),
    });
  }

  /** A few bytes can stand for a whole block: what comes out is bounded by what can be stored. */
  #checkSize(tokens: number): void {
    if (tokens > limits.segmentTokensMax) {
      throw new StowkenError('CORRUPT_SEGMENT', `the frame holds over ${limits.segmentTokensMax} tokens`);
    }
  }
}

function own(bytes: Uint8Array): Uint8Array {
  return copyOut(bytes, 0, bytes.length);
}

/** Where the frames end that follow frames[from], have the usual form and need the same registry. */
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

/** Stored bytes that are not tokens are damage, whoever asks. */
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
