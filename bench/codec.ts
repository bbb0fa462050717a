// What the codec's frames weigh beside other ways to store the same segments, and how fast they are.
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { createCodec, trainRegistry, type Codec } from '../src/codec/index.js';
import { loadCore, type TokenCore } from '../src/core/index.js';
import type { TokenRun } from '../src/model/index.js';
import { corpusFiles, readCorpus, sum, unique, type Corpus } from './lib/runs.js';
import { zstdSizes, type ZstdSizes } from './lib/zstd.js';

const REPETITIONS = 3;
const FRAMES_AT_ONCE = 128;

/** `npm run bench -- codec [--corpus FILE...] [--no-zstd]` */
export async function run(argv: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { corpus: { type: 'string', multiple: true }, 'no-zstd': { type: 'boolean' } },
  });
  const files = corpusFiles([...(values.corpus ?? []), ...positionals]);
  if (files.length === 0) {
    print('no corpus: name one with --corpus FILE');
    return;
  }
  const core = await loadCore();
  const corpora = files.map((file) => readCorpus(core, file));
  const withZstd = values['no-zstd'] !== true;

  print(
    'held out: trained on the first four fifths of the conversations, measured on the new segments of the last',
  );
  const ratios: number[] = [];
  for (const corpus of corpora) {
    const { training, held } = splitByConversation(core, corpus);
    const zstd = withZstd ? zstdSizes(varintsOf(training), varintsOf(held)) : undefined;
    const frames = await measure(core, corpus.name, training, held, zstd);
    if (zstd !== undefined) ratios.push(frames / zstd.dictionary3);
  }
  if (ratios.length > 0) {
    const mean = Math.exp(sum(ratios.map(Math.log)) / ratios.length);
    print(`geometric mean of frames / (zstd -3 with dictionary): ${mean.toFixed(3)}`);
  }

  print('\nall in one vault: trained and measured on every segment of all corpora');
  const seen = new Set<string>();
  const parts = corpora.map((corpus) => unique(core, corpus.conversations.flat(), seen));
  const all = parts.flat();
  // A dictionary is trained for one kind of text: each corpus has its own.
  const zstd = withZstd ? parts.map((part) => zstdSizes(varintsOf(part), varintsOf(part))) : [];
  await measure(core, 'all', all, all, addSizes(zstd));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function varintsOf(runs: readonly TokenRun[]): Uint8Array[] {
  return runs.map((run) => run.varints);
}

function splitByConversation(core: TokenCore, corpus: Corpus): { training: TokenRun[]; held: TokenRun[] } {
  const cut = Math.floor((corpus.conversations.length * 4) / 5);
  const seen = new Set<string>();
  return {
    training: unique(core, corpus.conversations.slice(0, cut).flat(), seen),
    held: unique(core, corpus.conversations.slice(cut).flat(), seen),
  };
}

function addSizes(sizes: readonly (ZstdSizes | undefined)[]): ZstdSizes | undefined {
  const known = sizes.filter((size) => size !== undefined);
  if (known.length === 0) return undefined;
  return {
    plain3: sum(known.map((size) => size.plain3)),
    dictionary3: sum(known.map((size) => size.dictionary3)),
    dictionary19: sum(known.map((size) => size.dictionary19)),
    dictionaryBytes: sum(known.map((size) => size.dictionaryBytes)),
  };
}

/** Prints the figures of one set of segments; the bytes of its frames. */
async function measure(
  core: TokenCore,
  name: string,
  training: readonly TokenRun[],
  segments: readonly TokenRun[],
  zstd: ZstdSizes | undefined,
): Promise<number> {
  const trainStart = performance.now();
  const bytes = await trainRegistry(training, { id: 1 });
  const trainMs = performance.now() - trainStart;
  const loadStart = performance.now();
  const codec = createCodec(core).withRegistry(bytes);
  const loadMs = performance.now() - loadStart;

  const frames = segments.map(codec.encode);
  const cold = createCodec(core);
  const deflated = segments.map((run) => deflateRawSync(run.varints));
  const brotli = segments.map((run) => brotliCompressSync(run.varints, brotliFast(run)));
  checkAll(codec, segments, frames);

  const tokens = sum(segments.map((run) => run.tokenCount));
  const frameBytes = sum(frames.map((frame) => frame.length));
  const sizes: Record<string, number> = {
    varint: sum(segments.map((run) => run.varints.length)),
    zlib: sum(deflated.map((part) => part.length)),
    brotli: sum(brotli.map((part) => part.length)),
    ...(zstd && {
      'zstd-3': zstd.plain3,
      'zstd-3+dict': zstd.dictionary3,
      'zstd-19+dict': zstd.dictionary19,
    }),
    ...(zstd && { dict: zstd.dictionaryBytes }),
    'registry 0': sum(segments.map((run) => cold.encode(run).length)),
    frames: frameBytes,
    registry: bytes.length,
  };
  const [encodeRate, decodeRate, manyRate, inflateRate] = rates(tokens, [
    () => segments.forEach(codec.encode),
    () => frames.forEach(codec.decode),
    () => decodeAll(codec, frames),
    () => deflated.forEach((part) => inflateRawSync(part)),
  ]);
  print(
    `\n${name}: ${segments.length} segments, ${tokens} tokens, ${((8 * frameBytes) / tokens).toFixed(2)} bits a token`,
  );
  print(
    `  bytes     ${Object.entries(sizes)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}`,
  );
  if (zstd !== undefined) {
    const counted = (frameBytes + bytes.length) / (zstd.dictionary3 + zstd.dictionaryBytes);
    print(
      `  ratio     frames ${(frameBytes / zstd.dictionary3).toFixed(3)} of zstd-3+dict; registry and dictionary counted ${counted.toFixed(3)}`,
    );
  }
  print(
    `  M tok/s   encode ${encodeRate}, decode ${decodeRate}, many at once ${manyRate}, zlib.inflateRawSync ${inflateRate}`,
  );
  const memory = (sum(codec.registries.map((registry) => registry.memoryBytes)) / 1e6).toFixed(1);
  print(
    `  registry  trained in ${(trainMs / 1e3).toFixed(1)} s, loads in ${loadMs.toFixed(0)} ms, takes ${memory} MB of WASM memory`,
  );
  return frameBytes;
}

function brotliFast(run: TokenRun) {
  return {
    params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: run.varints.length },
  };
}

function checkAll(codec: Codec, segments: readonly TokenRun[], frames: readonly Uint8Array[]): void {
  const many = codec.decodeMany(frames, 'varints');
  segments.forEach(({ varints }, index) => {
    const together = many[index]!;
    const alone = codec.decode(frames[index]!).varints;
    if (
      together instanceof Error ||
      Buffer.compare(together, varints) !== 0 ||
      Buffer.compare(alone, varints) !== 0
    )
      throw new Error(`segment ${index} changed`);
  });
}

/** As a retrieve does. */
function decodeAll(codec: Codec, frames: readonly Uint8Array[]): void {
  for (let at = 0; at < frames.length; at += FRAMES_AT_ONCE) {
    codec.decodeMany(frames.slice(at, at + FRAMES_AT_ONCE), 'varints');
  }
}

/** Million tokens a second of processor time, the best of some rounds in which all take turns. */
function rates(tokens: number, works: readonly (() => void)[]): string[] {
  const best = works.map(() => Infinity);
  for (let round = 0; round <= REPETITIONS; round++) {
    works.forEach((work, index) => {
      const start = process.cpuUsage();
      work();
      const used = process.cpuUsage(start);
      best[index] = Math.min(best[index]!, used.user + used.system);
    });
  }
  return best.map((microseconds) => (tokens / microseconds).toFixed(1));
}
