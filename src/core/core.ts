import { createSHA256, type IHasher } from 'hash-wasm';
import { limits, type SegmentHash, StowkenError, type TokenRun, countOf } from '../model/index.js';
import { HashCache } from './caches.js';
import { copyOut } from './slab.js';
import { compileCore, type CoreBuild, instantiate, type VarintExports } from './wasm.js';

/**
 * Token sequences in their byte forms: LEB128 varints of u32, and le32 (4-byte little-endian). Synchronous.
 * Nothing but hashes is kept between calls, and arguments are never changed. Every returned array belongs to
 * the caller. One instance serves one thread.
 */
export interface TokenCore {
  /** The WASM module, for callers that need instances with a memory of their own. */
  readonly module: WebAssembly.Module;

  /**
   * Reads the chunks of one `repeated uint32` field's packed bytes, in order. Over-long forms are accepted
   * and made canonical. A varint may not span two chunks: each is a separate occurrence of the field.
   * @throws StowkenError MALFORMED_TOKENS for a value over 32 bits, a varint over ten bytes or a truncated
   * one
   */
  fromVarints(chunks: readonly Uint8Array[]): TokenRun;

  /** Reads le32. @throws StowkenError MALFORMED_TOKENS if the size is not a multiple of 4 bytes */
  fromLe32(bytes: Uint8Array): TokenRun;

  fromTokens(tokens: Uint32Array): TokenRun;

  /** Converts canonical varints to le32. @throws StowkenError MALFORMED_TOKENS */
  toLe32(varints: Uint8Array): Uint8Array;

  /** @throws StowkenError MALFORMED_TOKENS if they are not canonical varints of u32 */
  toTokens(varints: Uint8Array): Uint32Array;

  /**
   * Returns the byte offset at which token number `tokenIndex` begins; the length if `tokenIndex` is the
   * count. Validates nothing but the count.
   * @throws StowkenError RANGE_PAST_END
   */
  byteOffset(varints: Uint8Array, tokenIndex: number): number;

  /**
   * Returns the number of tokens.
   * @throws StowkenError MALFORMED_TOKENS if they are not canonical varints of u32
   */
  countTokens(varints: Uint8Array): number;

  /**
   * Returns the segment's hash.
   * @throws StowkenError MALFORMED_TOKENS if they are not canonical varints of u32
   */
  hash(varints: Uint8Array): SegmentHash;

  /** Returns the segment's hash, computed from le32. */
  hashLe32(le32: Uint8Array): SegmentHash;

  /**
   * Returns a core that shares everything with this one but the cache of hashes, of so many bytes. Each vault
   * has one: how long a hash takes must not say what another vault has stored.
   */
  withOwnHashes(bytesMax: number): TokenCore;
}

/** Loads the core. The module is compiled once; each call makes an instance of its own. */
export async function loadCore(options: { build?: CoreBuild } = {}): Promise<TokenCore> {
  const [module, hasher] = await Promise.all([compileCore(options.build ?? 'release'), createSHA256()]);
  return new WasmTokenCore(module, hasher);
}

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
if (!littleEndian) throw new Error('stowken needs a little-endian machine');

class WasmTokenCore implements TokenCore {
  readonly #wasm: VarintExports;
  readonly #input: number;
  readonly #inputBytes: number;
  readonly #output: number;
  readonly #recent: HashCache;
  #memory: Uint8Array;

  constructor(
    readonly module: WebAssembly.Module,
    // Shared by all calls: none of them may await anything between init and digest.
    private readonly hasher: IHasher,
    wasm = instantiate(module) as VarintExports,
    hashesBytesMax: number = limits.recentHashesBytesMax,
  ) {
    this.#wasm = wasm;
    this.#recent = new HashCache(hashesBytesMax);
    this.#input = this.#wasm.INPUT.value;
    this.#inputBytes = this.#wasm.INPUT_BYTES.value;
    this.#output = this.#wasm.OUTPUT.value;
    this.#memory = new Uint8Array(this.#wasm.memory.buffer);
  }

  withOwnHashes(bytesMax: number): TokenCore {
    return new WasmTokenCore(this.module, this.hasher, this.#wasm, bytesMax);
  }

  fromVarints(chunks: readonly Uint8Array[]): TokenRun {
    const only = chunks.length === 1 ? chunks[0] : undefined;
    if (only !== undefined && only.length <= this.#inputBytes) {
      this.#memory.set(only, this.#input);
      const length = this.#wasm.canonicalise(only.length);
      this.#checkRead(length, only.length);
      return {
        varints: copyOut(this.#memory, this.#input, this.#input + length),
        tokenCount: this.#wasm.tokenCount(),
      };
    }
    const varints = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let length = 0;
    let tokenCount = 0;
    for (const chunk of chunks) {
      this.#eachPiece(chunk, this.#wasm.canonicalise, (canonicalBytes) => {
        varints.set(this.#view(this.#input, canonicalBytes), length);
        length += canonicalBytes;
        tokenCount += this.#wasm.tokenCount();
      });
    }
    return { varints: length === varints.length ? varints : varints.slice(0, length), tokenCount };
  }

  fromLe32(bytes: Uint8Array): TokenRun {
    if (bytes.length % 4 !== 0) {
      throw new StowkenError('MALFORMED_TOKENS', `${bytes.length} bytes are not whole 4-byte words`);
    }
    const tokenCount = bytes.length / 4;
    if (bytes.length <= this.#inputBytes) {
      this.#memory.set(bytes, this.#input);
      const length = this.#wasm.packLe32(tokenCount);
      return { varints: copyOut(this.#memory, this.#output, this.#output + length), tokenCount };
    }
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += this.#inputBytes) {
      const piece = bytes.subarray(at, at + this.#inputBytes);
      this.#memory.set(piece, this.#input);
      const length = this.#wasm.packLe32(piece.length / 4);
      pieces.push(copyOut(this.#memory, this.#output, this.#output + length));
    }
    return { varints: concat(pieces), tokenCount };
  }

  fromTokens(tokens: Uint32Array): TokenRun {
    return this.fromLe32(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength));
  }

  toLe32(varints: Uint8Array): Uint8Array {
    if (varints.length <= this.#inputBytes) {
      this.#memory.set(varints, this.#input);
      const count = this.#wasm.unpackLe32(varints.length);
      this.#checkRead(count, varints.length);
      return copyOut(this.#memory, this.#output, this.#output + 4 * count);
    }
    const le32 = new Uint8Array(4 * this.countTokens(varints));
    let at = 0;
    this.#eachPiece(varints, this.#wasm.unpackLe32, (count) => {
      le32.set(this.#view(this.#output, 4 * count), at);
      at += 4 * count;
    });
    return le32;
  }

  toTokens(varints: Uint8Array): Uint32Array {
    const le32 = this.toLe32(varints);
    return new Uint32Array(le32.buffer, le32.byteOffset, le32.length / 4);
  }

  byteOffset(varints: Uint8Array, tokenIndex: number): number {
    let offset = 0;
    let tokensLeft = tokenIndex;
    while (tokensLeft > 0 && offset < varints.length) {
      const piece = varints.subarray(offset, offset + this.#inputBytes);
      this.#memory.set(piece, this.#input);
      offset += this.#wasm.skip(piece.length, tokensLeft);
      tokensLeft -= this.#wasm.tokenCount();
    }
    if (tokensLeft !== 0) {
      const limit = tokenIndex - tokensLeft;
      throw new StowkenError('RANGE_PAST_END', `token ${tokenIndex} of ${countOf(limit, 'token')}`, {
        field: 'token_offset',
        size: String(tokenIndex),
        limit: String(limit),
      });
    }
    return offset;
  }

  countTokens(varints: Uint8Array): number {
    let tokens = 0;
    for (let at = 0; at < varints.length; at += this.#wasm.measured()) {
      const piece = varints.subarray(at, at + this.#inputBytes);
      this.#memory.set(piece, this.#input);
      const count = this.#wasm.measure(piece.length);
      if (count < 0 || this.#wasm.measured() === 0) refuse('a token is not a canonical varint of 32 bits');
      if (at + piece.length === varints.length && this.#wasm.measured() !== piece.length) {
        refuse('the last token is cut off');
      }
      tokens += count;
    }
    return tokens;
  }

  hash(varints: Uint8Array): SegmentHash {
    return this.#recent.nameOf(varints, () => this.#hash(varints));
  }

  #hash(varints: Uint8Array): SegmentHash {
    this.hasher.init();
    this.#eachPiece(varints, this.#wasm.unpackLe32, (count) => {
      this.hasher.update(this.#view(this.#output, 4 * count));
    });
    return this.hasher.digest('hex') as SegmentHash;
  }

  hashLe32(le32: Uint8Array): SegmentHash {
    return this.hasher.init().update(le32).digest('hex') as SegmentHash;
  }

  /**
   * Passes `bytes` through INPUT in pieces. A varint that is split by the end of a piece begins the next one.
   */
  #eachPiece(bytes: Uint8Array, read: (length: number) => number, use: (result: number) => void): void {
    for (let at = 0; at < bytes.length; at += this.#wasm.consumed()) {
      const piece = bytes.length <= this.#inputBytes ? bytes : bytes.subarray(at, at + this.#inputBytes);
      this.#memory.set(piece, this.#input);
      const result = read(piece.length);
      const last = at + piece.length === bytes.length;
      this.#checkRead(result, last ? piece.length : this.#wasm.consumed());
      use(result);
    }
  }

  /** Throws if the last call refused its input or did not read it to the end. */
  #checkRead(result: number, length: number): void {
    if (result < 0) refuse('a token is not a canonical varint of 32 bits');
    if (this.#wasm.consumed() !== length) refuse('the last token is cut off');
  }

  /**
   * Returns a view, valid until the next call. This instance reserves all its memory at the start, so views
   * stay attached.
   */
  #view(start: number, length: number): Uint8Array {
    return this.#memory.subarray(start, start + length);
  }
}

function refuse(what: string): never {
  throw new StowkenError('MALFORMED_TOKENS', what);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
