// Yields the texts of a source, in the order of their paths, each once.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Limits of a text's length: shorter or longer ones are lists and tables more often than prose or code. */
const CHARACTERS_MIN = 200;
const FILE_BYTES_MAX = 2_000_000;

const seen = new Set();

/** @param {string} folder the unpacked package */
export function* readTexts(folder, source) {
  if (source.as === 'words') {
    for (const path of paths(join(folder, source.from), source.files))
      yield* sentences(readFileSync(path, 'utf8'));
    return;
  }
  for (const path of paths(join(folder, source.from), source.files)) {
    if (statSync(path).size > FILE_BYTES_MAX) continue;
    const bytes = readFileSync(path, 'utf8');
    const text = source.as === 'html' ? textOf(bytes) : bytes;
    const hash = createHash('sha256').update(text).digest('hex');
    if (text.length < CHARACTERS_MIN || text.includes('\ufffd') || seen.has(hash)) continue;
    seen.add(hash);
    yield text;
  }
}

function* paths(folder, files) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* paths(path, files);
    else if (entry.isFile() && files.test(path)) yield path;
  }
}

const entities = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  nbsp: ' ',
  mdash: '—',
  ndash: '–',
  rsquo: '’',
  lsquo: '‘',
  ldquo: '“',
  rdquo: '”',
  hellip: '…',
  copy: '©',
  para: '',
};

/** Converts a page to Markdown, roughly as a person would write it. */
function textOf(html) {
  return html
    .replace(/<(script|style|nav|head|svg)\b[\s\S]*?<\/\1>/gi, '')
    .replace(/<br\s*\/?>/gi, '\n')
    .replace(/<li\b[^>]*>/gi, '- ')
    .replace(/<h([1-6])\b[^>]*>/gi, (_, level) => `\n${'#'.repeat(Number(level))} `)
    .replace(/<\/?(code|tt)\b[^>]*>/gi, '`')
    .replace(/<\/?pre\b[^>]*>/gi, '\n```\n')
    .replace(/<[^>]+>/g, '')
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/&(\w+);/g, (_, name) => entities[name] ?? ' ')
    .replace(/```\n`+/g, '```\n')
    .replace(/`+\n```/g, '\n```')
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/**
 * Yields made-up sentences without end, from a list of Chinese words with their frequencies: they teach how
 * words are made of tokens.
 */
function* sentences(list) {
  const words = list
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([word, count]) => count !== undefined && /^[\u4e00-\u9fff]+$/.test(word));
  let total = 0;
  const sums = words.map(([, count]) => (total += Number(count)));
  const next = randoms();
  while (true) {
    let text = '';
    for (let part = 0; part < 40; part++) {
      for (let left = 4 + Math.floor(next() * 8); left > 0; left--)
        text += words[firstAbove(sums, next() * total)][0];
      text += part % 3 === 2 ? '。' : '，';
    }
    yield text;
  }
}

function firstAbove(sums, value) {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Yields the same numbers from 0 to 1 every time (D. Knuth's MMIX generator). */
function randoms() {
  let state = 1n;
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 11n) / 2 ** 53;
  };
}
