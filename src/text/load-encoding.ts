import { getEncodingParams } from 'gpt-tokenizer/modelParams';
import { Encoding, type Ranks, Vocabulary } from './encoding.js';
import type { EncodingName } from './tokenizers.js';

const ranksOf: Readonly<Record<EncodingName, string>> = {
  gpt2: 'r50k_base',
  r50k_base: 'r50k_base',
  p50k_base: 'p50k_base',
  p50k_edit: 'p50k_base',
  cl100k_base: 'cl100k_base',
  o200k_base: 'o200k_base',
  o200k_harmony: 'o200k_base',
};

const encodings = new Map<EncodingName, Promise<Encoding>>();
const vocabularies = new Map<string, Promise<Vocabulary>>();

/** Loads an encoding's tables once; they stay in memory. */
export function loadEncoding(name: EncodingName): Promise<Encoding> {
  return once(encodings, name, () => load(name));
}

async function load(name: EncodingName): Promise<Encoding> {
  const vocabulary = await once(vocabularies, ranksOf[name], () => loadVocabulary(ranksOf[name]));
  const { tokenSplitRegex, specialTokensEncoder } = getEncodingParams(name, () => []);
  const specialTokens = new Map([...specialTokensEncoder].map(([text, token]) => [token, text]));
  return new Encoding(vocabulary, tokenSplitRegex, specialTokens);
}

async function loadVocabulary(ranks: string): Promise<Vocabulary> {
  const module = (await import(`gpt-tokenizer/bpeRanks/${ranks}`)) as { default: Ranks };
  return new Vocabulary(module.default);
}

function once<Name, T>(loaded: Map<Name, Promise<T>>, name: Name, load: () => Promise<T>): Promise<T> {
  let loading = loaded.get(name);
  if (loading === undefined) {
    loading = load();
    loaded.set(name, loading);
  }
  return loading;
}
