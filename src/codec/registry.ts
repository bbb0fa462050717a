import { createHash } from 'node:crypto';
import { instantiate, type TokenCore } from '../core/index.js';
import { limits, sharedBytes, StowkenError } from '../model/index.js';
import { wasmRefusals, type CodecExports } from './wasm.js';

/** Canonical varints, or le32 (4-byte little-endian). */
export type TokenForm = 'varints' | 'le32';

/** Size of a registry before its coded part, in bytes: magic, format version, id, length. */
const REGISTRY_HEADER_BYTES = 13;
const REGISTRY_FORMAT_VERSION = 1;

/** Reads the id of a registry from its bytes; nothing else of them is validated. */
export function registryIdOf(bytes: Uint8Array): number {
  if (
    bytes.length < REGISTRY_HEADER_BYTES ||
    Buffer.from(bytes.subarray(0, 4)).toString('latin1') !== 'STKR'
  ) {
    throw new StowkenError('CORRUPT_STORE', 'these bytes are not a registry');
  }
  const version = bytes[4]!;
  if (version > REGISTRY_FORMAT_VERSION) {
    throw new StowkenError('STORE_VERSION', `registry format ${version} is newer than this program`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(5, true);
}

/** A registry as it is sent to a thread that decodes with it. */
export interface SharedRegistry {
  readonly id: number;
  /** Hash of the bytes: registries of two vaults may have one id. */
  readonly key: string;
  /** In memory that all threads share. */
  readonly bytes: Uint8Array;
}

/**
 * One immutable generation of phrases and statistics, loaded into a WASM instance of its own. Its memory
 * (about 18 MB for 40,000 tokens and 38,000 phrases; `memoryBytes`) is freed with the object. Synchronous,
 * for one thread.
 */
export class Registry {
  readonly id: number;
  readonly #wasm: CodecExports;
  #memory: Uint8Array;
  #numbers = new Uint32Array(0);
  #canEncode = false;
  readonly #bytes: Uint8Array;
  #shared: SharedRegistry | undefined;

  /** Copies the bytes. @throws StowkenError CORRUPT_STORE if no trainer wrote them, STORE_VERSION */
  constructor(core: TokenCore, bytes: Uint8Array) {
    this.id = registryIdOf(bytes);
    this.#bytes = sharedBytes(bytes);
    this.#wasm = instantiate(core.module) as CodecExports;
    const at = this.#wasm.beginLoad(bytes.length);
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    if (at === 0) throw outOfMemory();
    this.#memory.set(bytes, at);
    const refusal = this.#wasm.loadBytes(bytes.length);
    if (refusal === wasmRefusals.noMemory) throw outOfMemory();
    if (refusal !== 0) throw new StowkenError('CORRUPT_STORE', `registry ${this.id} is damaged`);
  }

  /** Size of the WASM memory of this registry, in bytes. */
  get memoryBytes(): number {
    return this.#wasm.memory.buffer.byteLength;
  }

  get shared(): SharedRegistry {
    const bytes = this.#bytes;
    return (this.#shared ??= { id: this.id, key: createHash('sha256').update(bytes).digest('hex'), bytes });
  }

  /** Yields the tokens of each token and phrase that it lists. Views, valid until the next call. */
  *spellings(): Generator<Uint32Array, void, void> {
    const words = new Uint32Array(this.#wasm.memory.buffer);
    const table = this.#wasm.spellingsAt() >>> 2;
    for (let at = table; at < table + 2 * this.#wasm.spellingCount(); at += 2) {
      const start = words[at]! >>> 2;
      yield words.subarray(start, start + words[at + 1]!);
    }
  }

  /** Returns the passages that it contains, one after the other. A view, valid until the next call. */
  text(): Uint32Array {
    const start = this.#wasm.textAt() >>> 2;
    return new Uint32Array(this.#wasm.memory.buffer).subarray(start, start + this.#wasm.textTokens());
  }

  /**
   * Codes at most codecBlockTokensMax tokens. Returns a view, valid until the next call; undefined if the
   * block would be larger than the varints. The first call prepares the tables that only encoding needs.
   */
  encodeBlock(varints: Uint8Array, tokenCount: number): Uint8Array | undefined {
    if (!this.#canEncode) {
      if (this.#wasm.prepareEncoder() !== 0) throw outOfMemory();
      this.#canEncode = true;
    }
    const input = this.#wasm.beginEncode(varints.length);
    if (input === 0) throw outOfMemory();
    this.#view().set(varints, input);
    const length = this.#wasm.encode(varints.length, tokenCount);
    if (length === wasmRefusals.malformed) {
      throw new StowkenError('MALFORMED_TOKENS', 'the run is not its count of canonical varints');
    }
    if (length === wasmRefusals.tooLong) return undefined;
    if (length < 0) throw outOfMemory();
    const at = this.#wasm.encoded();
    return this.#view().subarray(at, at + length);
  }

  /**
   * Decodes the block in `frame` from `start` on. Returns a view, valid until the next call.
   * @throws StowkenError CORRUPT_SEGMENT
   */
  decodeBlock(frame: Uint8Array, start: number, form: TokenForm): { bytes: Uint8Array; tokenCount: number } {
    this.#decode([frame], 0, 1, start, form);
    const jobs = this.#jobs();
    const tokenCount = jobs[2]! | 0;
    if (tokenCount < 0) throw undecodable();
    const at = this.#wasm.decoded();
    return { bytes: this.#view().subarray(at, at + jobs[1]!), tokenCount };
  }

  /**
   * Decodes frames[from, to), each one block after a head of one byte, in one call: faster for short ones.
   * Each result belongs to the caller, with a buffer that it shares with other results, or is the error.
   */
  decodeFrames(
    frames: readonly Uint8Array[],
    from: number,
    to: number,
    form: TokenForm,
  ): (Uint8Array | StowkenError)[] {
    const results: (Uint8Array | StowkenError)[] = [];
    for (let next = from; next < to;) {
      const bytes = this.#decode(frames, next, to, 1, form);
      const at = this.#wasm.decoded();
      const all = this.#view().slice(at, at + bytes);
      const jobs = this.#jobs();
      const done = this.#wasm.decodedBlocks();
      for (let job = 0; job < 3 * done; job += 3) {
        const start = jobs[job]!;
        results.push((jobs[job + 2]! | 0) < 0 ? undecodable() : all.subarray(start, start + jobs[job + 1]!));
      }
      next += done;
    }
    return results;
  }

  /**
   * Decodes blocks that begin at `start` in their frames, at least one of them. Returns the size of the
   * output in bytes.
   */
  #decode(frames: readonly Uint8Array[], from: number, to: number, start: number, form: TokenForm): number {
    let frameBytes = 0;
    for (let index = from; index < to; index++) frameBytes += frames[index]!.length;
    const input = this.#wasm.beginDecode(to - from, frameBytes);
    if (input === 0) throw outOfMemory();
    const view = this.#view();
    const jobs = this.#jobs();
    let at = 0;
    for (let index = from, job = 0; index < to; index++, job += 3) {
      const frame = frames[index]!;
      view.set(frame, input + at);
      jobs[job] = at + start;
      jobs[job + 1] = frame.length - start;
      at += frame.length;
    }
    const bytes = this.#wasm.decode(form === 'le32' ? 1 : 0, limits.codecBlockTokensMax);
    if (bytes < 0) throw outOfMemory();
    return bytes;
  }

  /** Job table shared with the decoder, for requests and results; see assembly/decoder. */
  #jobs(): Uint32Array {
    if (this.#numbers.length === 0 || this.#memory.length === 0) {
      this.#numbers = new Uint32Array(this.#wasm.memory.buffer);
    }
    const start = this.#wasm.decodeJobs() >> 2;
    return this.#numbers.subarray(start);
  }

  /** Returns the instance's memory. If it grows, earlier views are detached and become empty. */
  #view(): Uint8Array {
    if (this.#memory.length === 0) this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    return this.#memory;
  }
}

function undecodable(): StowkenError {
  return new StowkenError('CORRUPT_SEGMENT', 'the frame does not decode');
}

function outOfMemory(): StowkenError {
  return new StowkenError('OVERLOADED', 'no memory left for the codec');
}
