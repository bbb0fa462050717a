// What a whole store weighs with and without cutting long messages, by the sizes of the cuts.
import { parseArgs } from 'node:util';
import {
  createCodec,
  createSegmenter,
  segmentSizes,
  trainRegistry,
  type SegmentSizes,
} from '../src/codec/index.js';
import { loadCore, type TokenCore } from '../src/core/index.js';
import type { TokenRun } from '../src/model/index.js';
import { corpusFiles, readCorpus, sum, unique, type Corpus } from './lib/runs.js';

/** What the store keeps beside frames, about: a unique segment's keys and hash, and a mention of it. */
const SEGMENT_BYTES = 40;
const MENTION_BYTES = 4;

const whole: SegmentSizes = { ...segmentSizes, whole: Infinity };

/** `npm run bench -- segmenter [--corpus FILE...]` */
export async function run(argv: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { corpus: { type: 'string', multiple: true } },
  });
  const files = corpusFiles([...(values.corpus ?? []), ...positionals]);
  if (files.length === 0) process.stdout.write('no corpus: name one with --corpus FILE\n');
  const core = await loadCore();
  for (const file of files) {
    const corpus = readCorpus(core, file);
    process.stdout.write(`${corpus.name}\n`);
    await weigh(core, corpus, whole, 'whole messages');
    for (const target of [256, 512, 1024, 2048, 4096, 8192]) {
      const sizes = { min: target / 4, target, max: 4 * target, whole: 2 * target };
      await weigh(
        core,
        corpus,
        sizes,
        `cut at about ${target} tokens${target === segmentSizes.target ? ' (default)' : ''}`,
      );
    }
  }
}

async function weigh(core: TokenCore, corpus: Corpus, sizes: SegmentSizes, label: string): Promise<void> {
  const { cut } = createSegmenter(core, sizes);
  const mentions: TokenRun[] = corpus.conversations.flatMap((messages) => messages.flatMap(cut));
  const segments = unique(core, mentions);
  const registry = await trainRegistry(segments, { id: 1 });
  const { encode } = createCodec(core).withRegistry(registry);
  const frames = sum(segments.map((segment) => encode(segment).length));
  const rest = segments.length * SEGMENT_BYTES + mentions.length * MENTION_BYTES;
  const tokens = sum(segments.map((segment) => segment.tokenCount));
  process.stdout.write(
    `  ${label.padEnd(34)} ${segments.length} segments, ${tokens} unique tokens, frames ${frames} + registry ` +
      `${registry.length} + records ${rest} = ${frames + registry.length + rest} bytes\n`,
  );
}
