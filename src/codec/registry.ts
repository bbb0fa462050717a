import { copyOut, instantiate, type TokenCore } from '../core/index.js';
import { limits, StowkenError } from '../model/index.js';
import { wasmRefusals, type CodecExports } from './wasm.js';

/** Bytes of a registry before its coded part: magic, format version, id. */
const REGISTRY_HEADER_BYTES = 9;
const REGISTRY_FORMAT_VERSION = 1;

/** The number of a registry, from its bytes; they are not looked at further. */
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

/**
 * One immutable generation of phrases and statistics, loaded into a WASM instance of its own: its memory
 * (about 10 MB for 48,000 phrases; `memoryBytes`) goes when the object goes. Synchronous, for one thread.
 */
export class Registry {
  readonly id: number;
  readonly #wasm: CodecExports;
  readonly #input: number;
  readonly #inputBytes: number;
  #memory: Uint8Array;
  #canEncode = false;

  /** Copies the bytes. @throws StowkenError CORRUPT_STORE when no trainer wrote them, STORE_VERSION */
  constructor(core: TokenCore, bytes: Uint8Array) {
    this.id = registryIdOf(bytes);
    this.#wasm = instantiate(core.module) as CodecExports;
    this.#input = this.#wasm.INPUT.value;
    this.#inputBytes = this.#wasm.INPUT_BYTES.value;
    const at = this.#wasm.beginLoad(bytes.length);
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    if (at === 0) throw outOfMemory();
    this.#memory.set(bytes, at);
    const refusal = this.#wasm.loadBytes(bytes.length);
    if (refusal === wasmRefusals.noMemory) throw outOfMemory();
    if (refusal !== 0) throw new StowkenError('CORRUPT_STORE', `registry ${this.id} is damaged`);
  }

  /** Bytes of WASM memory that this registry holds. */
  get memoryBytes(): number {
    return this.#wasm.memory.buffer.byteLength;
  }

  /**
   * Codes at most codecBlockTokensMax tokens; undefined when that would take more than their varints do.
   * The first call prepares what only encoding needs.
   */
  encodeBlock(varints: Uint8Array, tokenCount: number): Uint8Array | undefined {
    if (!this.#canEncode) {
      if (this.#wasm.prepareEncoder() !== 0) throw outOfMemory();
      this.#canEncode = true;
    }
    if (this.#wasm.beginEncode(tokenCount) === 0) throw outOfMemory();
    for (let at = 0; at < varints.length; at += this.#wasm.consumed()) {
      const piece =
        varints.length <= this.#inputBytes ? varints : varints.subarray(at, at + this.#inputBytes);
      this.#view().set(piece, this.#input);
      const read = this.#wasm.appendVarints(piece.length);
      if (read <= 0)
        throw new StowkenError('MALFORMED_TOKENS', 'the run is not its count of canonical varints');
    }
    const length = this.#wasm.encode(varints.length);
    if (length === wasmRefusals.tooLong) return undefined;
    if (length < 0) throw outOfMemory();
    const at = this.#wasm.encoded();
    return copyOut(this.#view(), at, at + length);
  }

  /** The block's tokens as little-endian words: a view, valid until the next call. @throws CORRUPT_SEGMENT */
  decodeBlock(block: Uint8Array): Uint8Array {
    const count = this.#decode(block);
    const at = this.#wasm.decodedWords();
    return this.#view().subarray(at, at + 4 * count);
  }

  /** The block's tokens as varints: a view, valid until the next call. @throws CORRUPT_SEGMENT */
  decodeBlockVarints(block: Uint8Array): { varints: Uint8Array; tokenCount: number } {
    const tokenCount = this.#decode(block);
    const length = this.#wasm.packDecoded();
    if (length < 0) throw outOfMemory();
    const at = this.#wasm.decodedVarints();
    return { varints: this.#view().subarray(at, at + length), tokenCount };
  }

  #decode(block: Uint8Array): number {
    const at = this.#wasm.beginDecode(block.length);
    if (at === 0) throw outOfMemory();
    this.#view().set(block, at);
    const count = this.#wasm.decode(block.length, limits.codecBlockTokensMax);
    if (count === wasmRefusals.noMemory) throw outOfMemory();
    if (count < 0) throw new StowkenError('CORRUPT_SEGMENT', 'the frame does not decode');
    return count;
  }

  /** The instance's memory; growing it detaches earlier views, which leaves them empty. */
  #view(): Uint8Array {
    if (this.#memory.length === 0) this.#memory = new Uint8Array(this.#wasm.memory.buffer);
    return this.#memory;
  }
}

function outOfMemory(): StowkenError {
  return new StowkenError('OVERLOADED', 'no memory left for the codec');
}
