import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { TokenizerName } from '../model/index.js';
import { Encoding } from './encoding.js';
import { Normalizer } from './normalize.js';
import { runInTurns } from './slices.js';
import { classRuns, TextCore } from './text-core.js';
import { readVocabulary, type Vocabulary } from './vocabulary.js';

/** A vocabulary that does not come with the program. */
export interface VocabularyFile {
  /** SHA-256 with which the file ends, in hex. */
  readonly sha256: string;
  /** Shared between threads; see writeVocabulary(). */
  readonly file: Uint8Array;
}

const require = createRequire(import.meta.url);
/** By name, or hash; in the order of their use. */
const encodings = new Map<string, Promise<Encoding>>();
/** Limit of the encodings of files in memory; those that come with the program stay. */
const filesMax = 16;
let normalizer: Promise<Normalizer> | undefined;
let core: Promise<{ module: WebAssembly.Module; classes: Uint32Array }> | undefined;

/** Loads an encoding's tables once; they stay in memory, unless many others are used after it. */
export function loadEncoding(tokenizer: TokenizerName | VocabularyFile): Promise<Encoding> {
  // They are the same.
  const name = tokenizer === 'gpt2' ? 'r50k_base' : tokenizer;
  const key = keyOf(name);
  let encoding = encodings.get(key);
  if (encoding === undefined) encoding = typeof name === 'string' ? load(name) : loadFile(name);
  else encodings.delete(key);
  encodings.set(key, encoding);
  // Not kept if there was no memory, or no file.
  encoding.catch(() => encodings.delete(key));
  if (typeof name !== 'string') dropOldest();
  return encoding;
}

/** Drops an encoding's tables from memory, once nobody uses them. */
export function dropEncoding(tokenizer: TokenizerName | VocabularyFile): void {
  encodings.delete(keyOf(tokenizer));
}

/** Returns a tokenizer's name, or its hash. */
export function keyOf(tokenizer: TokenizerName | VocabularyFile): string {
  return typeof tokenizer === 'string' ? tokenizer : tokenizer.sha256;
}

function dropOldest(): void {
  const files = [...encodings.keys()].filter((key) => key.length === 64);
  for (const key of files.slice(0, -filesMax)) encodings.delete(key);
}

async function load(name: TokenizerName): Promise<Encoding> {
  return encodingOf(await loadBuilt(name));
}

async function loadFile({ file, sha256 }: VocabularyFile): Promise<Encoding> {
  // A copy: the reader hashes it, and another thread must not be able to change it meanwhile.
  return encodingOf(readVocabulary(Buffer.from(file), `tokenizer ${sha256}`));
}

async function encodingOf(vocabulary: Vocabulary): Promise<Encoding> {
  const { module, classes } = await loadCore();
  const normalizer = vocabulary.nfc ? await loadNormalizer() : undefined;
  return new Encoding(await runInTurns(TextCore.create(module, vocabulary, classes)), vocabulary, normalizer);
}

/** Reads a vocabulary that comes with the program. */
export async function loadBuilt(name: TokenizerName): Promise<Vocabulary> {
  return readVocabulary(await readBuiltFile(name), `tokenizer ${name}`);
}

/** Reads the file of a vocabulary that comes with the program. */
export function readBuiltFile(name: TokenizerName): Promise<Buffer> {
  return readBuilt(`tokenizers/${name === 'gpt2' ? 'r50k_base' : name}.vocabulary`);
}

export function loadCore(): Promise<{ module: WebAssembly.Module; classes: Uint32Array }> {
  return (core ??= compileCore());
}

function loadNormalizer(): Promise<Normalizer> {
  return (normalizer ??= readBuilt('tokenizers/normalized.bin').then((known) => new Normalizer(known)));
}

async function compileCore() {
  const [wasm, classes] = await Promise.all([
    readBuilt('text.release.wasm'),
    readBuilt('tokenizers/classes.bin'),
  ]);
  return { module: await WebAssembly.compile(wasm), classes: classRuns(classes) };
}

function readBuilt(name: string): Promise<Buffer> {
  return readFile(require.resolve(`#build/${name}`));
}
