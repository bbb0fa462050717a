// Sizes of a lean pack, which compaction makes: Rice codes instead of varints, and of most frames the first
// byte is said once for all of them. Each entry has a number: 0 if it is deleted, 1 if its piece has its own
// first byte and its tokens follow, else 2 + tokens; then how much longer its frame is than foretold by its
// tokens. Of each 64 entries it is said where their codes and pieces begin.
import { assert, StowkenError } from '../../../model/index.js';
import { type ByteReader, type ByteWriter, varintBytes } from '../../shared/bytes.js';
import {
  bestLowBits,
  BitReader,
  BitWriter,
  LOW_BITS_MAX,
  riceBits,
  unzigzag,
  zigzag,
} from '../tables/bit-stream.js';
import { TAIL_BYTES_MAX } from '../tables/layout.js';
import { framePieces, headBytes, type PackEntry, writeHead } from './pack-layout.js';
import type { SizesWriter } from './plain-sizes.js';

/** Values by which a lean pack spells its sizes. */
export interface LeanForm {
  /** First byte of most frames, which their pieces lack. */
  readonly first: number;
  /** Low bits of the code of a number of tokens. */
  readonly tokenBits: number;
  /** Bytes of a frame of 256 tokens, on average. */
  readonly bytesPer256: number;
}

/** First byte of a lean pack: no other pack is empty. */
export const LEAN = 0;

/** Entries of a group: a search begins with one. */
export const GROUP = 64;
/** Two numbers of 16 bits say where a group begins. */
const OFFSETS_BYTES = 4;
const OFFSETS_END = 2 ** 16;
/** An entry has one bit at least. */
const ENTRIES_PER_BYTE_MAX = 8;

const DELETED = 0;
const WITH_FIRST = 1;
const TOKENS = 2;

/** Limit of the foretold length of a frame, which keeps all codes below 2^32. */
const FORETOLD_MAX = 2 ** 30;
/** Products below are divided by a shift, as most are. */
const SHIFTED_MAX = 2 ** 31;
const BYTES_PER_256_MAX = 0xffff;
/** Bits by which the code of the rest of a length is shorter than the foretold length. */
const SURE_BITS = 2;

/** True if the piece of this entry is stored without its first byte. */
export function lacksFirst({ frameBytes, piece }: PackEntry, { first }: LeanForm): boolean {
  return piece[0] === first && framePieces(frameBytes).tailBytes === frameBytes;
}

/** Returns the form in which the sizes of these entries are shortest, about. */
export function leanFormOf(entries: readonly PackEntry[]): LeanForm {
  const stored = entries.filter(({ frameBytes }) => frameBytes > 0);
  const firsts = new Uint32Array(256);
  let [bytes, tokens] = [0, 0];
  for (const { frameBytes, tokenCount, piece } of stored) {
    // Long frames are few, and would outweigh all others.
    if (frameBytes > TAIL_BYTES_MAX || piece.length === 0) continue;
    firsts[piece[0]!]! += 1;
    bytes += frameBytes - 1;
    tokens += tokenCount;
  }
  const bytesPer256 = Math.round((256 * bytes) / Math.max(1, tokens));
  return {
    first: firsts.indexOf(firsts.reduce((a, b) => Math.max(a, b))),
    tokenBits: bestLowBits(stored.map(({ tokenCount }) => tokenCount + TOKENS)),
    bytesPer256: Math.min(BYTES_PER_256_MAX, Math.max(1, bytesPer256)),
  };
}

function foretold(tokens: number, { bytesPer256 }: LeanForm): number {
  const product = tokens * bytesPer256;
  return product < SHIFTED_MAX ? 1 + (product >> 8) : Math.min(FORETOLD_MAX, 1 + Math.floor(product / 256));
}

/** Returns the low bits of the code of the rest of a length: its error grows with the length. */
function restBitsFor(length: number): number {
  return Math.max(0, 32 - SURE_BITS - Math.clz32(length - 1));
}

/** Writes the head and the sizes of a lean pack. */
export class LeanSizes implements SizesWriter {
  readonly #codes = new BitWriter();
  /** For each group of entries but the first the bits of codes, and the bytes of pieces, before it. */
  readonly #groups: number[] = [];
  #entries = 0;
  #pieceBytes = 0;
  #restBytes: number | undefined;
  #keptBits = 0;

  constructor(readonly form: LeanForm) {}

  clear(): void {
    this.#codes.truncate(0);
    this.#groups.length = 0;
    this.#entries = this.#pieceBytes = this.#keptBits = 0;
    this.#restBytes = undefined;
  }

  bytesWith(entries: number, entry: PackEntry): number {
    return this.#bytes(entries, this.#codes.bits + this.#bitsOf(entry));
  }

  add(entry: PackEntry): Uint8Array {
    const { form } = this;
    const { frameBytes, tokenCount, piece } = entry;
    this.#begin();
    if (frameBytes === 0) {
      this.#codes.rice(DELETED, form.tokenBits);
      return piece;
    }
    assert(frameBytes <= FORETOLD_MAX, 'a frame is not longer than any content', frameBytes);
    const lacks = lacksFirst(entry, form);
    if (!lacks) this.#codes.rice(WITH_FIRST, form.tokenBits);
    this.#codes.rice(lacks ? tokenCount + TOKENS : tokenCount, form.tokenBits);
    const length = foretold(tokenCount, form);
    this.#codes.rice(zigzag(frameBytes - length), restBitsFor(length));
    const stored = lacks ? piece.subarray(1) : piece;
    this.#pieceBytes += stored.length;
    return stored;
  }

  addRest(rest: Uint8Array): void {
    this.#begin();
    this.#restBytes = rest.length;
    this.#pieceBytes += rest.length;
  }

  keep(): void {
    this.#keptBits = this.#codes.bits;
  }

  dropUnkept(): void {
    this.#codes.truncate(this.#keptBits);
  }

  write(record: ByteWriter, entries: number, continued: boolean): void {
    const { first, tokenBits, bytesPer256 } = this.form;
    record.byte(LEAN);
    writeHead(record, entries, continued);
    record.byte(first).byte(tokenBits).varint(bytesPer256);
    if (this.#restBytes !== undefined) record.varint(this.#restBytes);
    const codes = this.#codes.finish();
    record.varint(codes.length);
    for (const offset of this.#groups.slice(0, 2 * furtherGroups(entries)))
      record.byte(offset & 0xff).byte(offset >>> 8);
    record.raw(codes);
  }

  /** Enters where the next entry begins, if a group begins with it. */
  #begin(): void {
    if (this.#entries > 0 && this.#entries % GROUP === 0) {
      assert(Math.max(this.#codes.bits, this.#pieceBytes) < OFFSETS_END, 'a pack is short', this.#entries);
      this.#groups.push(this.#codes.bits, this.#pieceBytes);
    }
    this.#entries += 1;
  }

  #bytes(entries: number, bits: number): number {
    const rest = this.#restBytes === undefined ? 0 : varintBytes(this.#restBytes);
    const codes = Math.ceil(bits / 8);
    const head = 1 + headBytes(entries) + 2 + varintBytes(this.form.bytesPer256) + rest;
    return head + varintBytes(codes) + OFFSETS_BYTES * furtherGroups(entries) + codes;
  }

  #bitsOf(entry: PackEntry): number {
    const { form } = this;
    const { frameBytes, tokenCount } = entry;
    if (frameBytes === 0) return riceBits(DELETED, form.tokenBits);
    const length = foretold(tokenCount, form);
    const tokens = lacksFirst(entry, form)
      ? riceBits(tokenCount + TOKENS, form.tokenBits)
      : riceBits(WITH_FIRST, form.tokenBits) + riceBits(tokenCount, form.tokenBits);
    return tokens + riceBits(zigzag(frameBytes - length), restBitsFor(length));
  }
}

/** Returns the groups of so many entries, without the first one. */
function furtherGroups(entries: number): number {
  return entries === 0 ? 0 : Math.ceil(entries / GROUP) - 1;
}

/** Reads the sizes of a lean pack after its head, from any group on. @throws StowkenError CORRUPT_STORE */
export class LeanSizesReader {
  /** Sizes of the entry that was read last; zeros for a deleted one. */
  frameBytes = 0;
  tokenCount = 0;
  lacksFirst = false;
  readonly form: LeanForm;
  /** Length of the rest of a tail with which the pack begins. */
  readonly restBytes: number;
  /** Offset of the first piece. */
  readonly piecesAt: number;
  readonly #groupsAt: number;
  readonly #codesAt: number;
  readonly #codes: BitReader;

  constructor(
    private readonly record: Uint8Array,
    reader: ByteReader,
    entries: number,
    hasRest: boolean,
  ) {
    this.form = { first: reader.byte(), tokenBits: reader.byte(), bytesPer256: reader.varint() };
    this.restBytes = hasRest ? reader.varint() : 0;
    const coded = reader.varint();
    this.#groupsAt = reader.position;
    this.#codesAt = this.#groupsAt + OFFSETS_BYTES * furtherGroups(entries);
    this.piecesAt = this.#codesAt + coded;
    this.#codes = new BitReader(record, 8 * this.#codesAt);
    const isForm = this.form.tokenBits <= LOW_BITS_MAX && this.form.bytesPer256 <= BYTES_PER_256_MAX;
    if (!isForm || this.piecesAt > record.length || entries > ENTRIES_PER_BYTE_MAX * record.length)
      throw new StowkenError('CORRUPT_STORE', 'a pack has sizes that none is written with');
  }

  /** True if all codes were read. */
  get atEnd(): boolean {
    return this.#codes.position === this.piecesAt;
  }

  /** Reads the sizes of the next entry. */
  next(): void {
    const { form } = this;
    const number = this.#codes.rice(form.tokenBits);
    this.lacksFirst = number >= TOKENS;
    if (number === DELETED) {
      this.frameBytes = this.tokenCount = 0;
      return;
    }
    this.tokenCount = number === WITH_FIRST ? this.#codes.rice(form.tokenBits) : number - TOKENS;
    const length = foretold(this.tokenCount, form);
    this.frameBytes = length + unzigzag(this.#codes.rice(restBitsFor(length)));
    if (this.frameBytes <= 0)
      throw new StowkenError('CORRUPT_STORE', 'a pack has a frame of less than no bytes');
  }

  /** Goes to the beginning of a group but the first; returns the bytes of the pieces before it. */
  seek(group: number): number {
    this.#codes.seek(8 * this.#codesAt + this.#offset(2 * group - 2));
    return this.#offset(2 * group - 1);
  }

  /** True if the next entry begins where the record says that its group begins. */
  isAt(group: number, pieceBytes: number): boolean {
    const bits = this.#codes.bit - 8 * this.#codesAt;
    return this.#offset(2 * group - 2) === bits && this.#offset(2 * group - 1) === pieceBytes;
  }

  #offset(index: number): number {
    const at = this.#groupsAt + 2 * index;
    return this.record[at]! + 256 * this.record[at + 1]!;
  }
}
