// Measures the size of a store with and without splitting long messages, by the sizes of the segments.
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
import { corpusFiles, loadCorpus, type Corpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { runsOf, sum, unique } from './lib/runs.js';
import { printTable } from './lib/table.js';

/** Approximate bytes of a store besides frames: a unique segment's keys and hash, and one reference to it. */
const SEGMENT_BYTES = 40;
const MENTION_BYTES = 4;

const DOCUMENT_TOKENS = 50_000;
const VERSIONS = 20;
const EDITS = 3;

const ways: readonly (readonly [string, SegmentSizes])[] = [
  ['whole', { ...segmentSizes, whole: Infinity }],
  ['cut as the vault does', segmentSizes],
];

/** `npm run bench -- segmenter [--corpus FILE...]` */
export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { corpus: { type: 'string', multiple: true } },
  });
  const files = corpusFiles([...(values.corpus ?? []), ...positionals]);
  const corpora: Corpus[] = files.length === 0 ? [await generatedCorpus()] : [];
  for (const file of files) corpora.push(await loadCorpus(file));
  const core = await loadCore();
  const others = [512, 2048, 8192].map((target): [string, SegmentSizes] => [
    `all over ${2 * target}, at about ${target}`,
    { min: target / 4, target, max: 4 * target, whole: 2 * target },
  ]);
  for (const { name, conversations } of corpora) {
    const runs = runsOf(core, conversations);
    const rows: string[][] = [];
    for (const [cuts, sizes] of [...ways, ...others]) rows.push([cuts, ...(await weigh(core, runs, sizes))]);
    printTable(
      `segmenter: ${name}: what a whole store weighs, by how long messages are cut`,
      ['messages', 'segments', 'unique tokens', 'frames', 'registry', 'records', 'all bytes'],
      rows,
    );
  }
  growingDocument(core);
}

/** Stores a document again and again, with a few edits each time, in a vault that has no registry yet. */
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
  printTable(
    `segmenter: ${VERSIONS} versions of a document of ${DOCUMENT_TOKENS} tokens, ${EDITS} edits each`,
    ['messages', 'segments', 'unique tokens'],
    ways.map(([cuts, sizes]) => {
      const segments = unique(core, versions.flatMap(createSegmenter(core, sizes).cut));
      return [cuts, String(segments.length), String(sum(segments.map(({ tokenCount }) => tokenCount)))];
    }),
  );
}

async function weigh(core: TokenCore, runs: readonly TokenRun[], sizes: SegmentSizes): Promise<string[]> {
  const mentions = runs.flatMap(createSegmenter(core, sizes).cut);
  const segments = unique(core, mentions);
  const registry = await trainRegistry(segments, { id: 1 });
  const { encode } = createCodec(core).withRegistry(registry);
  const frames = sum(segments.map((segment) => encode(segment).length));
  const records = segments.length * SEGMENT_BYTES + mentions.length * MENTION_BYTES;
  const tokens = sum(segments.map(({ tokenCount }) => tokenCount));
  const all = frames + registry.length + records;
  return [segments.length, tokens, frames, registry.length, records, all].map(String);
}
