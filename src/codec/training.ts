import { instantiate } from '../core/index.js';
import { limits, StowkenError, type TokenRun } from '../model/index.js';
import type { TrainerExports } from './wasm.js';

/** Rounds of the search for phrases, and passes that encode the sample with a first registry. */
const MERGE_ROUNDS = 14;
const REFINEMENTS = 3;
/** Approximate cost of a context's follower in a registry, in bits. */
const FOLLOWER_BITS = 17;
/** Tokens encoded between two reports of progress. */
const REPORT_TOKENS = 200_000;

export interface TrainingOptions {
  /** Id of the new registry. */
  readonly id: number;
  /** Limit of phrases; registryPhrasesMax if absent. */
  readonly phrasesMax?: number;
  /** Limit of the tokens of passages that the registry contains verbatim; registryTextTokensMax if absent. */
  readonly textTokensMax?: number;
  /**
   * Bits that a context's follower has to save on the samples to be listed; its own cost, about 17, if
   * absent.
   */
  readonly followerBitsMin?: number;
}

/**
 * Trains a registry on samples of stored segments: the same samples in the same order give the same bytes.
 * Blocks its thread (about 1 s per million tokens) and takes about 60 bytes of WASM memory per token, up to
 * 90 if everything is repeated; trainRegistry uses a thread of its own. `report` gets the completed part, 0
 * to 1; an error that it throws stops the training.
 * @throws StowkenError MALFORMED_TOKENS, OVERLOADED if the sample is too large or memory is exhausted
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
