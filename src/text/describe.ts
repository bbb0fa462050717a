import { type TokenizerInfo, type TokenizerName, tokenizerNames } from '../model/index.js';
import type { GivenTokenizer } from './files/read-tokenizer.js';
import { readBuiltFile } from './load-encoding.js';
import { hashOfVocabulary, readVocabulary, tokensIn } from './vocabulary.js';

/** Kinds by what merges begin with. */
const byteLevel = 'byte-level BPE';
const byCharacters = 'SentencePiece BPE';

let built: Promise<readonly TokenizerInfo[]> | undefined;

/** Describes the tokenizers that come with the program. Their files are read once. */
export function describeBuilt(): Promise<readonly TokenizerInfo[]> {
  return (built ??= Promise.all(tokenizerNames.map(describeOne)));
}

async function describeOne(name: TokenizerName): Promise<TokenizerInfo> {
  const file = await readBuiltFile(name);
  return {
    name,
    kind: byteLevel,
    tokens: tokensIn(readVocabulary(file, `tokenizer ${name}`)),
    sha256: hashOfVocabulary(file),
    changesBeside: [],
  };
}

export function describeGiven(given: GivenTokenizer): TokenizerInfo {
  const { name, size, sha256, mergesCharacters, libraryModel, changesBeside = [] } = given;
  const own = mergesCharacters === true ? byCharacters : byteLevel;
  const kind = libraryModel === undefined ? own : `${libraryModel}, by the package tokenizers`;
  return { name, kind, tokens: size, sha256, changesBeside };
}
