import { parseArgs } from 'node:util';
import { createCodec, trainRegistry } from '../src/codec/index.js';
import { loadCore, type TokenCore } from '../src/core/index.js';
import type { TokenRun } from '../src/model/index.js';
import { measureSizes } from './codec-sizes.js';
import { measureSpeed } from './codec-speed.js';
import { corpusFiles, loadCorpus, type Corpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { runsOf, sum, unique } from './lib/runs.js';
import { zstdSizes, type ZstdSizes } from './lib/zstd.js';

/**
 * `npm run bench -- codec [--corpus FILE...] [--no-zstd]`
 *
 * Measures the size of the codec's frames beside other ways to store the same segments one by one, and their
 * speed. Held out: trained on the first four fifths of a corpus's conversations, measured on the new segments
 * of the last. Then all corpora in one vault: trained and measured on everything, with the registry counted.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { corpus: { type: 'string', multiple: true }, 'no-zstd': { type: 'boolean' } },
  });
  const files = corpusFiles([...(values.corpus ?? []), ...positionals]);
  const core = await loadCore();
  const zstdOf = (training: readonly TokenRun[], segments: readonly TokenRun[]) =>
    values['no-zstd'] === true ? undefined : zstdSizes(varintsOf(training), varintsOf(segments));

  const ratios: number[] = [];
  const seen = new Set<string>();
  const parts: TokenRun[][] = [];
  for (const load of files.length > 0 ? files.map((file) => () => loadCorpus(file)) : [generatedCorpus]) {
    const corpus = await load();
    const { training, held } = splitByConversation(core, corpus);
    const zstd = zstdOf(training, held);
    const frameBytes = await measure(core, `${corpus.name}, held out`, training, held, zstd);
    if (zstd !== undefined) ratios.push(frameBytes / zstd.dictionary3);
    parts.push(unique(core, runsOf(core, corpus.conversations), seen));
  }
  if (ratios.length > 0) {
    const mean = Math.exp(sum(ratios.map(Math.log)) / ratios.length);
    process.stdout.write(
      `\nheld out, geometric mean of frames / (zstd -3 + dictionary): ${mean.toFixed(3)}\n`,
    );
  }
  // A dictionary is trained for one kind of text: each corpus has its own.
  const zstd = addSizes(parts.map((part) => zstdOf(part, part)));
  await measure(core, 'all in one vault', parts.flat(), parts.flat(), zstd);
}

/** Prints the figures of one set of segments; resolves to the bytes of its frames. */
async function measure(
  core: TokenCore,
  name: string,
  training: readonly TokenRun[],
  segments: readonly TokenRun[],
  zstd: ZstdSizes | undefined,
): Promise<number> {
  const trainStart = performance.now();
  const registry = await trainRegistry(training, { id: 1 });
  const loadStart = performance.now();
  const codec = createCodec(core).withRegistry(registry);
  const loadMs = performance.now() - loadStart;
  const frames = segments.map(codec.encode);
  measureSizes(core, name, segments, frames, registry, zstd);
  measureSpeed(codec, name, segments, frames);
  const memoryBytes = sum(codec.registries.map((each) => each.memoryBytes));
  process.stdout.write(
    `registry: trained in ${((loadStart - trainStart) / 1e3).toFixed(1)} s, loads in ${loadMs.toFixed(0)} ms, ` +
      `takes ${(memoryBytes / 1e6).toFixed(1)} MB of memory\n`,
  );
  return sum(frames.map(({ length }) => length));
}

function varintsOf(runs: readonly TokenRun[]): Uint8Array[] {
  return runs.map(({ varints }) => varints);
}

function splitByConversation(
  core: TokenCore,
  { conversations }: Corpus,
): { training: TokenRun[]; held: TokenRun[] } {
  const cut = Math.floor((conversations.length * 4) / 5);
  const seen = new Set<string>();
  return {
    training: unique(core, runsOf(core, conversations.slice(0, cut)), seen),
    held: unique(core, runsOf(core, conversations.slice(cut)), seen),
  };
}

function addSizes(sizes: readonly (ZstdSizes | undefined)[]): ZstdSizes | undefined {
  const known = sizes.filter((size) => size !== undefined);
  if (known.length === 0) return undefined;
  return {
    plain3: sum(known.map(({ plain3 }) => plain3)),
    dictionary3: sum(known.map(({ dictionary3 }) => dictionary3)),
    dictionary19: sum(known.map(({ dictionary19 }) => dictionary19)),
    dictionaryBytes: sum(known.map(({ dictionaryBytes }) => dictionaryBytes)),
  };
}
