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

const DOCUMENT_TOKENS = 50_000;
const VERSIONS = 20;
const EDITS = 3;

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
    await weigh(core, corpus, segmentSizes, 'as the vault cuts');
    for (const target of [512, 2048, 8192]) {
      const sizes = { min: target / 4, target, max: 4 * target, whole: 2 * target };
      await weigh(core, corpus, sizes, `all over ${2 * target}, at about ${target}`);
    }
  }
  growingDocument(core);
}

/** A document stored again and again, with a few edits each time, in a vault that has no registry yet. */
function growingDocument(core: TokenCore): void {
  let seed = 1;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const document = Array.from({ length: DOCUMENT_TOKENS }, () => next(100_000));
  const versions = Array.from({ length: VERSIONS }, () => {
    for (let edit = 0; edit < EDITS; edit++) document.splice(next(document.length), next(5), next(100_000));
    return core.fromTokens(Uint32Array.from(document));
  });
  process.stdout.write(
    `${VERSIONS} versions of a document of ${DOCUMENT_TOKENS} tokens, ${EDITS} edits each\n`,
  );
  for (const [label, sizes] of [
    ['whole messages', whole],
    ['as the vault cuts', segmentSizes],
  ] as const) {
    const segments = unique(core, versions.flatMap(createSegmenter(core, sizes).cut));
    const tokens = sum(segments.map((segment) => segment.tokenCount));
    process.stdout.write(`  ${label.padEnd(34)} ${segments.length} segments, ${tokens} unique tokens\n`);
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
