import { limits } from '../model/index.js';
import { runsOf } from './code-point-runs.js';
import type { Slices } from './slices.js';
import { mergeWords, patterns, type Vocabulary } from './vocabulary.js';

/** Exports of assembly/text. Arguments and results are addresses, lengths and counts. */
interface TextExports {
  readonly memory: WebAssembly.Memory;
  readonly mark: () => number;
  /** Returns 0 if there is no memory. */
  readonly reserve: (bytes: number) => number;
  readonly setClasses: (runs: number, count: number) => number;
  readonly setPattern: (pattern: number, digits: number) => void;
  readonly setVocabulary: (
    count: number,
    bytes: number,
    starts: number,
    special: number,
    characters: number,
  ) => number;
  readonly countPairs: (from: number, to: number) => number;
  readonly derivePairs: (from: number, to: number) => void;
  readonly beginPairs: (count: number) => number;
  readonly addPairs: (merges: number, count: number) => void;
  /** All pairs are there. */
  readonly preparePairs: () => number;
  readonly prepareKept: () => number;
  readonly release: (mark: number) => void;
  readonly isMade: (id: number) => number;
  readonly prepareDecoder: () => number;
  readonly reserveWindow: (start: number, bytes: number) => number;
  readonly encodeWindow: (length: number, isEnd: number) => number;
  readonly input: WebAssembly.Global;
  readonly output: WebAssembly.Global;
  readonly taken: WebAssembly.Global;
  readonly longestPiece: WebAssembly.Global;
  readonly decodeTokens: (
    tokens: number,
    count: number,
    out: number,
    bytesMax: number,
    ends: number,
  ) => number;
  readonly done: WebAssembly.Global;
  readonly isUnknown: WebAssembly.Global;
}

/** Ids whose pairs are derived in one slice. */
const derivedIds = 8 * 1024;

/** Tokens that are decoded together, and room for their bytes: some milliseconds. */
const decodedTokens = 16 * 1024;
const decodedBytes = 256 * 1024;
/** Bytes that the core reads behind a text or a token. */
const room = 16;
const windowBytesMax = limits.textRunBytesMax + room;

/** Kinds of tokens that are no token of a piece: no text becomes them, or a byte alone. */
const apart = 1;
const ofByte = 2;

/** Refusals of encodeWindow(). */
const needsMore = -1;

/** Tokens of the beginning of a text. */
export interface EncodedBeginning {
  /** Belongs to the core: valid until its next call. */
  readonly tokens: Uint32Array;
  /** Bytes of text that they are. */
  readonly taken: number;
}

/**
 * Bytes of the first tokens of a list. Both arrays belong to the core: they are valid until its next call.
 */
export interface DecodedBeginning {
  readonly bytes: Uint8Array;
  /** End of each token's bytes; their number is that of the tokens decoded. */
  readonly ends: Uint32Array;
  /** True if the token after them is unknown. */
  readonly isUnknown: boolean;
}

/** An instance of the text core with one vocabulary: its tables and its work areas, 7 to 30 MB. */
export class TextCore {
  readonly #wasm: TextExports;
  #windowStart = 0;
  #decodeTokens = 0;
  #decodeBytes = 0;
  #decodeEnds = 0;
  #window = 0;
  #input = 0;
  #bytes = new Uint8Array(0);
  #words = new Uint32Array(0);

  /**
   * Makes a core, in slices of some milliseconds. `classes`: classes of code points, see classRuns().
   * `windowBytes`: text that is looked at together at first.
   */
  static *create(
    module: WebAssembly.Module,
    vocabulary: Vocabulary,
    classes: Uint32Array,
    windowBytes = 64 * 1024,
  ): Slices<TextCore> {
    const wasm = new WebAssembly.Instance(module, { env: { abort } }).exports as TextExports;
    const core = new TextCore(wasm, windowBytes);
    yield* core.#load(vocabulary, classes);
    return core;
  }

  private constructor(
    wasm: TextExports,
    private readonly windowBytes: number,
  ) {
    this.#wasm = wasm;
  }

  *#load(vocabulary: Vocabulary, classes: Uint32Array): Slices<void> {
    const wasm = this.#wasm;
    const { bytes, starts, unmade = [], merges, pattern, digits, characters } = vocabulary;
    const count = starts.length - 1;
    const bytesAt = this.#reserve(bytes.length + room);
    const startsAt = this.#reserve(4 * starts.length);
    const specialAt = this.#reserve(count);
    const runsAt = this.#reserve(4 * classes.length);
    this.#look();
    this.#bytes.set(bytes, bytesAt);
    this.#words.set(starts, startsAt >> 2);
    this.#bytes.fill(0, specialAt, specialAt + count);
    for (const id of [...decodedOnly(vocabulary), ...unmade]) this.#bytes[specialAt + id] = apart;
    for (const id of characters?.bytes ?? []) this.#bytes[specialAt + id] = ofByte;
    this.#words.set(classes, runsAt >> 2);
    check(wasm.setClasses(runsAt, classes.length / 2));
    wasm.setPattern(patterns.indexOf(pattern), digits);
    yield;
    check(wasm.setVocabulary(count, bytesAt, startsAt, specialAt, characters ? 1 : 0));
    yield;
    if (merges === undefined) yield* this.#derivePairs(count);
    else this.#addMerges(merges);
    yield;
    check(wasm.preparePairs());
    check(wasm.prepareKept());
    yield;
    check(wasm.prepareDecoder());
    this.#decodeTokens = this.#reserve(4 * decodedTokens);
    this.#decodeEnds = this.#reserve(4 * decodedTokens);
    this.#decodeBytes = this.#reserve(decodedBytes + room);
    this.#windowStart = wasm.mark();
    this.#widen(this.windowBytes);
  }

  /** Returns the tokens that merges do not make of their bytes. Those that are decoded only are left out. */
  unmade(vocabulary: Vocabulary): number[] {
    const { starts, characters } = vocabulary;
    const decoded = new Set([...decodedOnly(vocabulary), ...(characters?.bytes ?? [])]);
    const found: number[] = [];
    for (let id = 0; id + 1 < starts.length; id++) {
      const size = starts[id + 1]! - starts[id]!;
      if (size < 2 || decoded.has(id)) continue;
      if (size > this.#window) this.#widen(size);
      if (this.#wasm.isMade(id) === 0) found.push(id);
    }
    this.#look();
    return found;
  }

  /**
   * Encodes the beginning of a text in UTF-8, which must be valid and not empty. Returns undefined if it
   * begins with a run of more than limits.textRunBytesMax. If the text does not end with these bytes, nothing
   * is taken that what follows could change.
   */
  encode(text: Uint8Array, ends = true): EncodedBeginning | undefined {
    const count = this.#encode(text, ends);
    if (count === undefined) return undefined;
    const output = this.#wasm.output.value >>> 2;
    return {
      tokens: this.#words.subarray(output, output + count),
      taken: count === 0 ? 0 : this.#wasm.taken.value,
    };
  }

  /**
   * Encodes a text of at most a window, which is not empty. Returns its tokens as le32, which belong to the
   * caller; undefined as encode() does.
   */
  encodeWhole(text: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    const count = this.#encode(text, true);
    if (count === undefined) return undefined;
    const output = this.#wasm.output.value;
    return this.#bytes.slice(output, output + 4 * count);
  }

  /** Returns the number of tokens, which are at the core's output; 0 if nothing is taken. */
  #encode(text: Uint8Array, ends: boolean): number | undefined {
    for (let bytesMax = this.windowBytes; ; bytesMax *= 2) {
      const window = fitting(text, bytesMax);
      if (window > this.#window) this.#widen(window);
      const isWhole = window === text.length;
      this.#bytes.set(isWhole ? text : text.subarray(0, window), this.#input);
      const count = this.#wasm.encodeWindow(window, isWhole && ends ? 1 : 0);
      this.#look();
      if (count === needsMore && isWhole) return 0;
      if (count === needsMore && bytesMax < windowBytesMax) continue;
      if (count === needsMore || this.#wasm.longestPiece.value > limits.textRunBytesMax) return undefined;
      if (count < 0) throw noMemory();
      return count;
    }
  }

  /** Decodes the beginning of a list of tokens. */
  decode(tokens: Uint32Array): DecodedBeginning {
    const some = tokens.subarray(0, decodedTokens);
    this.#words.set(some, this.#decodeTokens >> 2);
    const [from, ends] = [this.#decodeBytes, this.#decodeEnds >> 2];
    const length = this.#wasm.decodeTokens(
      this.#decodeTokens,
      some.length,
      from,
      decodedBytes,
      this.#decodeEnds,
    );
    return {
      bytes: this.#bytes.subarray(from, from + length),
      ends: this.#words.subarray(ends, ends + this.#wasm.done.value),
      isUnknown: this.#wasm.isUnknown.value !== 0,
    };
  }

  *#derivePairs(count: number): Slices<void> {
    let pairs = 0;
    for (let from = 0; from < count; from += derivedIds) {
      pairs += this.#wasm.countPairs(from, from + derivedIds);
      yield;
    }
    check(this.#wasm.beginPairs(pairs));
    for (let from = 0; from < count; from += derivedIds) {
      this.#wasm.derivePairs(from, from + derivedIds);
      yield;
    }
  }

  #addMerges(merges: Uint32Array): void {
    const count = merges.length / mergeWords;
    check(this.#wasm.beginPairs(count));
    const start = this.#wasm.mark();
    const at = this.#reserve(4 * merges.length);
    this.#look();
    this.#words.set(merges, at >> 2);
    this.#wasm.addPairs(at, count);
    this.#wasm.release(start);
  }

  #widen(bytes: number): void {
    check(this.#wasm.reserveWindow(this.#windowStart, bytes));
    this.#window = bytes;
    this.#input = this.#wasm.input.value;
    this.#look();
  }

  #reserve(bytes: number): number {
    const at = this.#wasm.reserve(bytes);
    check(at);
    return at;
  }

  /** Looks at the memory, which is another buffer after it grew. */
  #look(): void {
    const { buffer } = this.#wasm.memory;
    if (this.#bytes.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }
}

/**
 * Returns the tokens that no piece of text becomes. Where merges begin with characters, an added token may be
 * one that they make.
 */
function decodedOnly({ special, added = [], characters }: Vocabulary): readonly number[] {
  return characters ? special : [...special, ...added.map(({ id }) => id)];
}

/** Returns how much of a text is looked at: up to `bytesMax`, and no part of a code point. */
function fitting(text: Uint8Array, bytesMax: number): number {
  let window = Math.min(text.length, bytesMax, windowBytesMax);
  while (window < text.length && (text[window]! & 0xc0) === 0x80) window--;
  return window;
}

/** Returns the classes of code points for a core: for each run, where it ends and its class. */
export function classRuns(file: Uint8Array): Uint32Array {
  return Uint32Array.from([...runsOf(file)].flat());
}

function check(result: number): void {
  if (result === 0) throw noMemory();
}

function noMemory(): Error {
  return new Error('no memory for the text core');
}

function abort(_message: number, _file: number, line: number, column: number): never {
  throw new Error(`assertion failed in the text core at line ${line}, column ${column}`);
}
