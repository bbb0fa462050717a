import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Codec } from '../src/codec/index.js';
import type { TokenRun } from '../src/model/index.js';
import { sum } from './lib/runs.js';
import { printTable, ratio, spread } from './lib/table.js';

const runs = 9;
/** Minimum of a measurement's tokens: fewer are processed several times. */
const tokensMin = 2_000_000;
/** Number of frames that a retrieval decodes at once. */
const framesAtOnce = 128;

/**
 * Prints the speed of encoding and decoding, in processor time, beside zlib's inflate of the same segments.
 */
export function measureSpeed(
  codec: Codec,
  name: string,
  segments: readonly TokenRun[],
  frames: readonly Uint8Array[],
): void {
  const deflated = segments.map(({ varints }) => deflateRawSync(varints));
  checkAll(codec, segments, frames);
  const works: Readonly<Record<string, () => void>> = {
    'zlib.inflateRawSync': () => deflated.forEach((part) => inflateRawSync(part)),
    'decode, many frames a call': () => decodeAll(codec, frames),
    'decode, one frame a call': () => frames.forEach(codec.decode),
    encode: () => segments.forEach(codec.encode),
  };
  const tokens = sum(segments.map(({ tokenCount }) => tokenCount));
  const rounds = Math.ceil(tokensMin / tokens);
  const rates = new Map(Object.keys(works).map((work) => [work, [] as number[]]));
  for (let run = -1; run < runs; run++) {
    for (const [work, measured] of rates) {
      const started = process.cpuUsage();
      for (let round = 0; round < rounds; round++) works[work]!();
      const { user, system } = process.cpuUsage(started);
      // The first round is for the compiler.
      if (run >= 0) measured.push(((rounds * tokens) / (user + system)) * 1e6);
    }
  }
  const inflate = rates.get('zlib.inflateRawSync')!;
  printTable(
    `codec, speed: ${name}; ${runs} interleaved runs, median (lowest to highest)`,
    ['', 'tokens', 'times inflate'],
    [...rates].map(([work, measured]) => [
      work,
      spread(measured, 'a second'),
      measured === inflate ? '' : ratio(measured, inflate),
    ]),
  );
}

function checkAll(codec: Codec, segments: readonly TokenRun[], frames: readonly Uint8Array[]): void {
  const many = codec.decodeMany(frames, 'varints');
  for (const [index, { varints }] of segments.entries()) {
    const together = many[index]!;
    if (together instanceof Error) throw together;
    const alone = codec.decode(frames[index]!).varints;
    if (Buffer.compare(together, varints) !== 0 || Buffer.compare(alone, varints) !== 0) {
      throw new Error(`segment ${index} changed`);
    }
  }
}

function decodeAll(codec: Codec, frames: readonly Uint8Array[]): void {
  for (let at = 0; at < frames.length; at += framesAtOnce) {
    codec.decodeMany(frames.slice(at, at + framesAtOnce), 'varints');
  }
}
