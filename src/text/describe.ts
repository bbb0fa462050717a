import { type TokenizerInfo, type TokenizerName, tokenizerNames } from '../model/index.js';
import type { GivenTokenizer } from './files/read-tokenizer.js';
import { readBuiltFile } from './load-encoding.js';
import { hashOfVocabulary, readVocabulary, tokensIn } from './vocabulary.js';

const kind = 'byte-level BPE';

let built: Promise<readonly TokenizerInfo[]> | undefined;

/** Describes the tokenizers that come with the program. Their files are read once. */
export function describeBuilt(): Promise<readonly TokenizerInfo[]> {
  return (built ??= Promise.all(tokenizerNames.map(describeOne)));
}

async function describeOne(name: TokenizerName): Promise<TokenizerInfo> {
  const file = await readBuiltFile(name);
  return {
    name,
    kind,
    tokens: tokensIn(readVocabulary(file, `tokenizer ${name}`)),
    sha256: hashOfVocabulary(file),
  };
}

export function describeGiven({ name, size, sha256 }: GivenTokenizer): TokenizerInfo {
  return { name, kind, tokens: size, sha256 };
}
