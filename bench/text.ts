// Measures text to tokens and back, beside tiktoken (WASM) and gpt-tokenizer, on the same texts; and
// stores of text beside the same stores as token ids, and beside long texts.
import { parseArgs } from 'node:util';
import gptTokenizer from 'gpt-tokenizer/encoding/o200k_base';
import { get_encoding } from 'tiktoken';
import type { TextsToEncode } from '../src/text/encoding.js';
import { loadEncoding } from '../src/text/load-encoding.js';
import { runThrough } from '../src/text/slices.js';
import { corpusFiles, loadCorpus, type Corpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { sum } from './lib/runs.js';
import { printTable, ratio, spread } from './lib/table.js';
import { measureStores } from './text-store.js';
import { measureWaits } from './text-waits.js';

const runs = 5;
/** UTF-8 bytes of the texts of a corpus that are measured. */
const textBytesMax = 4 * 1024 * 1024;

/** `npm run bench -- text [--corpus FILE...]` */
export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { corpus: { type: 'string', multiple: true } },
  });
  const files = corpusFiles([...(values.corpus ?? []), ...positionals]);
  const corpora: Corpus[] = files.length === 0 ? [await generatedCorpus()] : [];
  for (const file of files) corpora.push(await loadCorpus(file));
  for (const corpus of corpora) await measure(corpus);
  await measureWaits();
}

async function measure({ name, conversations }: Corpus): Promise<void> {
  const encoding = await loadEncoding('o200k_base');
  const tiktoken = get_encoding('o200k_base');
  const texts = distinctTexts(conversations, (tokens) => new TextDecoder().decode(tiktoken.decode(tokens)));
  const utf8 = texts.map((text) => Buffer.from(text));
  const ours = utf8.map(toEncode);
  const asOrdinaryText = { disallowedSpecial: new Set<string>() };
  const ids = texts.map((text) => tiktoken.encode(text, [], []));
  const tokens = sum(ids.map(({ length }) => length));
  const works: Readonly<Record<string, () => void>> = {
    'encode, gpt-tokenizer': () => {
      // Its memory of the last run would be measured instead.
      gptTokenizer.clearMergeCache();
      for (const text of texts) gptTokenizer.encode(text, asOrdinaryText);
    },
    'encode, tiktoken': () => texts.forEach((text) => tiktoken.encode(text, [], [])),
    'encode, stowken': () => ours.forEach((text) => runThrough(encoding.encode(text))),
    'decode, tiktoken': () => ids.forEach((some) => tiktoken.decode(some)),
    'decode, stowken': () => ids.forEach((some) => runThrough(encoding.decode(some, Infinity))),
  };
  const rates = new Map(Object.keys(works).map((work) => [work, [] as number[]]));
  for (let run = -1; run < runs; run++) {
    for (const [work, measured] of rates) {
      const started = process.cpuUsage();
      works[work]!();
      const { user, system } = process.cpuUsage(started);
      // The first run is for the compiler.
      if (run >= 0) measured.push((tokens / (user + system)) * 1e6);
    }
  }
  tiktoken.free();
  printTable(
    `text: ${name}: ${texts.length} distinct texts, o200k_base; ${runs} interleaved runs, median (lowest to highest)`,
    ['', 'tokens of processor time', 'times gpt-tokenizer', 'times tiktoken'],
    [...rates].map(([work, measured]) => [
      work,
      spread(measured, 'a second'),
      work.startsWith('encode') ? ratio(measured, rates.get('encode, gpt-tokenizer')!) : '',
      ratio(measured, rates.get(`${work.split(',')[0]!}, tiktoken`)!),
    ]),
  );
  await measureStores(name, utf8, ids);
}

/** Returns texts of a corpus, each once, up to textBytesMax. */
function distinctTexts(
  conversations: Corpus['conversations'],
  textOf: (tokens: Uint32Array) => string,
): string[] {
  const texts = new Set<string>();
  let bytes = 0;
  for (const { words } of conversations.flatMap(({ messages }) => messages)) {
    if (bytes > textBytesMax) break;
    const text = textOf(new Uint32Array(words.slice().buffer));
    if (text === '' || texts.has(text)) continue;
    texts.add(text);
    bytes += Buffer.byteLength(text);
  }
  return [...texts];
}

function toEncode(utf8: Buffer): TextsToEncode {
  return { utf8: new Uint8Array(utf8), ends: Uint32Array.of(utf8.length) };
}
