// Training, in steps that the host calls one after the other, so that it can report progress and stop. A
// registry is written from the statistics of the stream of units; then it is loaded, and the encoder encodes
// the sample with it, which makes the stream for the next registry.
import { prepareCosts } from '../costs';
import * as encoder from '../encoder/index';
import { mark, release, reserve } from '../memory';
import { preparePhrases } from '../phrases';
import { checksum } from '../registry/checksum';
import * as format from '../registry/format';
import { loadTables } from '../registry/loader';
import * as tables from '../registry/tables';
import * as textMatches from '../text-matches';
import * as classes from './classes';
import * as corpus from './corpus';
import * as followers from './followers';
import { mergeRound } from './merge';
import * as pairs from './pairs';
import * as units from './units';
import { writeRegistry } from './writer';

const NO_MEMORY: i32 = -1;
const REGISTRY_BYTES_MAX: usize = 24 * 1024 * 1024;
/** Limit of a token's bytes: the bits of a table's rarest entries, and an unseen token's own. */
const TOKEN_BYTES_MAX: i32 = 12;
/** Minimum of a phrase's uses. */
const PHRASE_USES_MIN: u32 = 6;
const SWEEPS_FIRST: i32 = 6;
const SWEEPS_LATER: i32 = 2;
/** Assumed part of matches among a context's followers, before any were seen. */
const MATCH_SHARE: f32 = 0.06;

let phrasesMax: u32 = 0;
let roundPairs: u32 = 0;
export let registry: usize = 0;
let registryId: u32 = 0;
let codedBytes: i32 = 0;
let floor: usize = 0;
let trained: bool = false;
let parsedSegments: u32 = 0;
let parsedLe32: u32 = 0;
let parsedStart: u32 = 0;
let parsedLength: u32 = 0;

const distances: usize = memory.data(4 * 21, 16);
const lengths: usize = memory.data(4 * 46, 16);
const textLengths: usize = memory.data(4 * 46, 16);
const unseen: usize = memory.data(4 * 33, 16);

/**
 * Prepares for up to `most` phrases, found in about `rounds` rounds, a text of up to `textMax` tokens, and
 * followers that save `followerBitsMin` each. To be called when the sample is complete.
 */
export function beginTraining(most: u32, rounds: u32, textMax: u32, followerBitsMin: f64): i32 {
  if (most > format.PHRASES_MAX / 2) most = format.PHRASES_MAX / 2;
  phrasesMax = most;
  trained = false;
  if (!corpus.appendText(textMax) || !corpus.indexSample()) return NO_MEMORY;
  const candidates = 2 * most;
  roundPairs = (2 * candidates) / rounds + 1;
  const unitsMax = corpus.firstPhrase() + candidates;
  registry = reserve(REGISTRY_BYTES_MAX);
  if (!units.beginUnits(candidates) || !classes.beginClasses(unitsMax) || !registry) return NO_MEMORY;
  if (!followers.beginFollowers(unitsMax, followerBitsMin)) return NO_MEMORY;
  floor = mark();
  return 0;
}

/** Creates phrases; returns their number, 0 if there are no more. */
export function mergePhrases(): i32 {
  return corpus.streamLength == 0 ? 0 : mergeRound(roundPairs);
}

/** Writes registry `id` from the present stream, without its text; returns 0 or negative. */
export function buildRegistry(id: u32): i32 {
  registryId = id;
  if (!trained) expectAnything();
  if (!pairs.dropPhrases(trained ? PHRASE_USES_MIN : 1, trained ? phrasesMax : 2 * phrasesMax))
    return NO_MEMORY;
  if (!pairs.countPairs() || !followers.chooseFollowers(trained) || !classes.prepareClasses())
    return NO_MEMORY;
  if (!trained) classes.seedClasses();
  const sweeps = trained ? SWEEPS_LATER : SWEEPS_FIRST;
  for (let i = 0; i < sweeps; i++) classes.sweep();
  classes.boundClasses();
  const share: f32 = trained ? 0 : MATCH_SHARE;
  codedBytes = writeRegistry(
    id,
    registry,
    REGISTRY_BYTES_MAX,
    share,
    distances,
    lengths,
    textLengths,
    unseen,
  );
  release(floor);
  return codedBytes < 0 ? codedBytes : 0;
}

/**
 * Appends the text, encoded with the registry itself; returns the bytes of the whole at `registry`, or
 * negative.
 */
export function finishRegistry(): i32 {
  if (corpus.textLe32 > 0 && !loadWritten()) return NO_MEMORY;
  textMatches.turnOff(true);
  let end = registry + format.HEAD_BYTES + <usize>codedBytes;
  const limit = registry + REGISTRY_BYTES_MAX - format.CHECKSUM_BYTES;
  let from = corpus.text();
  for (let s = corpus.firstText; s < corpus.segments; s++) {
    const count = load<u32>(corpus.lengths + ((<usize>s) << 2));
    const words = encoder.beginLe32(count);
    if (words == 0) return NO_MEMORY;
    memory.copy(words, from, (<usize>count) << 2);
    from += (<usize>count) << 2;
    const bytes = encoder.encodeLe32(<i32>count * TOKEN_BYTES_MAX);
    if (bytes < 0 || end + 4 + <usize>bytes > limit) return NO_MEMORY;
    store<u32>(end, <u32>bytes);
    memory.copy(end + 4, encoder.encoded(), <usize>bytes);
    end += 4 + <usize>bytes;
  }
  store<u32>(end, checksum(registry, end));
  release(floor);
  return <i32>(end + format.CHECKSUM_BYTES - registry);
}

/** Loads the written coded part, to encode with it. */
function loadWritten(): bool {
  const from = registry + format.HEAD_BYTES;
  if (loadTables(registryId, from, from + <usize>codedBytes) != 0) return false;
  tables.setText(corpus.text(), corpus.text() + ((<usize>corpus.textLe32) << 2));
  if (!prepareCosts() || !preparePhrases() || !textMatches.prepareText()) return false;
  encoder.setEncoderFloor();
  return true;
}

/** Assumes near and short matches before any were seen. */
function expectAnything(): void {
  for (let i: u32 = 0; i < format.DISTANCE_CODES; i++) store<u32>(distances + ((<usize>i) << 2), 10);
  for (let i: u32 = 0; i < format.LENGTH_CODES; i++) {
    store<u32>(lengths + ((<usize>i) << 2), 100 / ((i + 1) * (i + 1)));
    store<u32>(textLengths + ((<usize>i) << 2), i < 12 ? 1 : 10);
  }
  for (let i: u32 = 0; i < format.UNSEEN_CODES; i++) store<u32>(unseen + ((<usize>i) << 2), i < 20 ? i : 0);
}

/** Loads the written registry, to encode the sample with it. */
export function beginParsing(): i32 {
  release(floor);
  if (!loadWritten()) return NO_MEMORY;
  followers.mapSymbols();
  memory.fill(distances, 0, 4 * format.DISTANCE_CODES);
  memory.fill(lengths, 0, 4 * format.LENGTH_CODES);
  memory.fill(textLengths, 0, 4 * format.LENGTH_CODES);
  memory.fill(unseen, 0, 4 * format.UNSEEN_CODES);
  parsedSegments = 0;
  parsedLe32 = 0;
  parsedLength = 0;
  return 0;
}

/** Encodes segments until about `budget` tokens are done; returns how many segments are left, or negative. */
export function parseMore(budget: u32): i32 {
  const stop = parsedLe32 + budget;
  while (parsedSegments < corpus.segments && parsedLe32 < stop) {
    const count = load<u32>(corpus.lengths + ((<usize>parsedSegments) << 2));
    textMatches.turnOff(parsedSegments >= corpus.firstText);
    parsedStart = parsedLe32;
    const words = encoder.beginLe32(count);
    if (words == 0) return NO_MEMORY;
    memory.copy(words, corpus.words + ((<usize>parsedLe32) << 2), (<usize>count) << 2);
    if (!encoder.parse()) return NO_MEMORY;
    keepParsed();
    parsedSegments++;
  }
  if (parsedSegments == corpus.segments) {
    corpus.setStreamLength(parsedLength);
    trained = true;
    // The next data is placed on top of the tables; the encoder's work is done.
    release(encoderFloor());
  }
  return <i32>(corpus.segments - parsedSegments);
}

function encoderFloor(): usize {
  encoder.beginLe32(0);
  return mark();
}

function count(table: usize, code: u32): void {
  const at = table + ((<usize>code) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Rewrites the stream from the encoder's choice, which is never longer than the stream before. */
function keepParsed(): void {
  for (let at = encoder.parsed; at < encoder.parsedEnd; at += 4) {
    const symbol = load<u32>(at);
    let unit = followers.symbolUnit(symbol);
    if (symbol == format.MATCH) {
      const length = load<u32>(at, 4);
      const ofText = load<u32>(at, 8) > parsedLe32 - parsedStart;
      parsedLe32 += length;
      count(ofText ? textLengths : lengths, format.lengthCode(length));
      count(distances, 31 - <u32>clz(load<u32>(at, 8)));
      unit =
        corpus.MATCH_FLAG | tables.tokenIndex(load<u32>(corpus.words + ((<usize>(parsedLe32 - 1)) << 2)));
      at += 8;
    } else if (symbol == format.UNSEEN) {
      count(unseen, format.bitLength(load<u32>(corpus.words + ((<usize>parsedLe32) << 2))));
      parsedLe32 += 1;
    } else if (symbol != format.END) {
      parsedLe32 += units.unitLength(unit);
    }
    corpus.setStream(parsedLength++, unit);
  }
}
