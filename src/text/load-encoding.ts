import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { TokenizerName } from '../model/index.js';
import { Encoding } from './encoding.js';
import { classRuns, TextCore } from './text-core.js';
import { readVocabulary } from './vocabulary.js';

const require = createRequire(import.meta.url);
const encodings = new Map<string, Promise<Encoding>>();
let core: Promise<{ module: WebAssembly.Module; classes: Uint32Array }> | undefined;

/** Loads an encoding's tables once; they stay in memory. */
export function loadEncoding(name: TokenizerName): Promise<Encoding> {
  // They are the same.
  const file = name === 'gpt2' ? 'r50k_base' : name;
  let encoding = encodings.get(file);
  if (encoding === undefined) {
    encoding = load(file);
    encodings.set(file, encoding);
  }
  return encoding;
}

async function load(name: string): Promise<Encoding> {
  core ??= loadCore();
  const [{ module, classes }, file] = await Promise.all([core, readBuilt(`tokenizers/${name}.vocabulary`)]);
  return new Encoding(new TextCore(module, readVocabulary(file, `tokenizer ${name}`), classes));
}

async function loadCore() {
  const [wasm, classes] = await Promise.all([
    readBuilt('text.release.wasm'),
    readBuilt('tokenizers/classes.bin'),
  ]);
  return { module: await WebAssembly.compile(wasm), classes: classRuns(classes) };
}

function readBuilt(name: string): Promise<Buffer> {
  return readFile(require.resolve(`#build/${name}`));
}
