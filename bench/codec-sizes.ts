import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib';
import { createCodec } from '../src/codec/index.js';
import type { TokenCore } from '../src/core/index.js';
import type { TokenRun } from '../src/model/index.js';
import { sum } from './lib/runs.js';
import { printTable } from './lib/table.js';
import type { ZstdSizes } from './lib/zstd.js';

/** Prints the sizes of the segments, each stored on its own, scheme by scheme. */
export function measureSizes(
  core: TokenCore,
  name: string,
  segments: readonly TokenRun[],
  frames: readonly Uint8Array[],
  registry: Uint8Array,
  zstd: ZstdSizes | undefined,
): void {
  const cold = createCodec(core);
  const total = (encode: (run: TokenRun) => Uint8Array) => sum(segments.map((run) => encode(run).length));
  const frameBytes = sum(frames.map(({ length }) => length));
  const tokens = sum(segments.map(({ tokenCount }) => tokenCount));
  const peer = zstd?.dictionary3;
  const peerCounted = zstd && zstd.dictionary3 + zstd.dictionaryBytes;
  const row = (scheme: string, bytes: number, counted?: number) => [
    scheme,
    String(bytes),
    ((8 * bytes) / tokens).toFixed(2),
    peer === undefined ? '-' : (bytes / peer).toFixed(3),
    counted === undefined || peerCounted === undefined ? '-' : (counted / peerCounted).toFixed(3),
  ];
  printTable(
    `codec, bytes: ${name}: ${segments.length} segments, ${tokens} tokens; the dictionary has ` +
      `${zstd?.dictionaryBytes ?? 0} bytes, the registry ${registry.length}`,
    ['scheme', 'bytes', 'bits a token', 'of zstd -3 + dictionary', 'registry and dictionary counted'],
    [
      row(
        'varints',
        total(({ varints }) => varints),
      ),
      row(
        'zlib',
        total(({ varints }) => deflateRawSync(varints)),
      ),
      row('brotli -5', total(brotli)),
      ...(zstd === undefined
        ? []
        : [
            row('zstd -3', zstd.plain3),
            row('zstd -3 + dictionary', zstd.dictionary3, zstd.dictionary3 + zstd.dictionaryBytes),
            row('zstd -19 + dictionary', zstd.dictionary19, zstd.dictionary19 + zstd.dictionaryBytes),
          ]),
      row('frames, registry 0', total(cold.encode)),
      row('frames', frameBytes, frameBytes + registry.length),
    ],
  );
}

function brotli({ varints }: TokenRun): Uint8Array {
  return brotliCompressSync(varints, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: varints.length },
  });
}
