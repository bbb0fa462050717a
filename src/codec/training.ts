import { instantiate } from '../core/index.js';
import { limits, StowkenError, type TokenRun } from '../model/index.js';
import type { TrainerExports } from './wasm.js';

/** Rounds in which phrases are looked for, and times that the sample is spelled with a first registry. */
const MERGE_ROUNDS = 14;
const REFINEMENTS = 3;
/** What a follower of a context takes in a registry, about. */
const FOLLOWER_BITS = 17;
/** Tokens that are spelled between two reports of progress. */
const REPORT_TOKENS = 200_000;

export interface TrainingOptions {
  /** The new registry's number. */
  readonly id: number;
  /** Phrases at most; registryPhrasesMax when absent. */
  readonly phrasesMax?: number;
  /** Tokens at most of passages that the registry holds as they are; registryTextTokensMax when absent. */
  readonly textTokensMax?: number;
  /** What a follower of a context has to save on the samples to be listed; what it takes, about 17, when absent. */
  readonly followerBitsMin?: number;
}

/**
 * Trains a registry on samples of stored segments: the same samples in the same order give the same
 * bytes. Blocks its thread (about 1 s a million tokens) and takes about 60 bytes of WASM memory a token, up to 90 where all is repeated;
 * see trainRegistry for a thread of its own. `report` gets the part done, 0 to 1; what it throws stops it.
 * @throws StowkenError MALFORMED_TOKENS, OVERLOADED when the sample is too large or there is no memory
 */
export function trainHere(
  module: WebAssembly.Module,
  samples: readonly TokenRun[],
  options: TrainingOptions,
  report: (done: number) => void = () => {},
): Uint8Array {
  const wasm = instantiate(module) as TrainerExports;
  const tokens = samples.reduce((sum, sample) => sum + sample.tokenCount, 0);
  if (tokens > limits.trainingTokensMax) {
    throw new StowkenError(
      'OVERLOADED',
      `a sample of ${tokens} tokens; the limit is ${limits.trainingTokensMax}`,
    );
  }
  const check = (result: number): number => {
    if (result < 0) throw new StowkenError('OVERLOADED', 'no memory left for training');
    return result;
  };
  check(wasm.beginSample(tokens, samples.length) - 1);
  for (const sample of samples) append(wasm, sample);
  const phrasesMax = options.phrasesMax ?? limits.registryPhrasesMax;
  const textMax = options.textTokensMax ?? limits.registryTextTokensMax;
  check(wasm.beginTraining(phrasesMax, MERGE_ROUNDS, textMax, options.followerBitsMin ?? FOLLOWER_BITS));
  report(0.05);
  for (let round = 0; round < MERGE_ROUNDS && check(wasm.mergePhrases()) > 0; round++) {
    report(0.05 + 0.2 * (1 - 0.5 ** (round + 1)));
  }
  check(wasm.buildRegistry(options.id));
  for (let refinement = 0; refinement < REFINEMENTS; refinement++) {
    check(wasm.beginParsing());
    for (let left = samples.length; left > 0;) {
      left = check(wasm.parseMore(REPORT_TOKENS));
      report(0.3 + (0.7 * (refinement + 0.8 * (1 - left / samples.length))) / REFINEMENTS);
    }
    check(wasm.buildRegistry(options.id));
  }
  const length = check(wasm.finishRegistry());
  report(1);
  const at = wasm.registry.value;
  return new Uint8Array(wasm.memory.buffer).slice(at, at + length);
}

function append(wasm: TrainerExports, sample: TokenRun): void {
  const { varints } = sample;
  const inputBytes = wasm.INPUT_BYTES.value;
  let tokens = 0;
  for (let at = 0; at < varints.length; at += wasm.consumed()) {
    const piece = varints.subarray(at, at + inputBytes);
    new Uint8Array(wasm.memory.buffer).set(piece, wasm.INPUT.value);
    const read = wasm.appendSample(piece.length);
    if (read <= 0)
      throw new StowkenError('MALFORMED_TOKENS', 'a sample is not its count of canonical varints');
    tokens += read;
  }
  if (tokens !== sample.tokenCount || wasm.endSegment(tokens) === 0) {
    throw new StowkenError('MALFORMED_TOKENS', 'a sample is not its count of canonical varints');
  }
}
