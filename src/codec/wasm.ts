import type { VarintExports } from '../core/index.js';

/** Exports of assembly/ for coding with a registry. Sizes in bytes; negative results are refusals. */
export interface CodecExports extends VarintExports {
  readonly registryId: WebAssembly.Global;
  readonly beginLoad: (length: number) => number;
  readonly loadBytes: (length: number) => number;
  readonly prepareEncoder: () => number;
  /** Table of what the registry spells: address of tokens, tokens; u32 each. */
  readonly spellingsAt: () => number;
  readonly spellingCount: () => number;
  readonly textAt: () => number;
  readonly textTokens: () => number;
  readonly beginDecode: (blocks: number, bytes: number) => number;
  readonly decodeJobs: () => number;
  readonly decode: (words: number, tokensMax: number) => number;
  readonly decoded: () => number;
  readonly decodedBlocks: () => number;
  readonly beginEncode: (bytes: number) => number;
  readonly encode: (bytes: number, tokens: number) => number;
  readonly encoded: () => number;
}

/** Exports of assembly/trainer, in the order in which they are called. */
export interface TrainerExports extends VarintExports {
  readonly beginSample: (tokens: number, segments: number) => number;
  readonly appendSample: (length: number) => number;
  readonly endSegment: (tokens: number) => number;
  readonly beginTraining: (
    phrasesMax: number,
    rounds: number,
    textMax: number,
    followerBitsMin: number,
  ) => number;
  readonly mergePhrases: () => number;
  readonly buildRegistry: (id: number) => number;
  readonly finishRegistry: () => number;
  readonly beginParsing: () => number;
  readonly parseMore: (tokens: number) => number;
  readonly registry: WebAssembly.Global;
}

/** Results of a call that was refused. */
export const wasmRefusals = { malformed: -1, noMemory: -2, tooLong: -3 } as const;
