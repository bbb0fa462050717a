import { createLiveCodec } from '../src/codec/index.js';
import { loadCore } from '../src/core/index.js';
import {
  openFilesystemBackend,
  openLmdbBackend,
  type Change,
  type ManagedBackend,
} from '../src/storage/index.js';
import type { Corpus } from './lib/corpus.js';
import { bytesWritten, timed } from './lib/measure.js';
import { median, printTable, ratio, short, spread } from './lib/table.js';
import { changeOf, inFolder, store } from './storage-changes.js';

const durableRuns = 15;
const layoutRuns = 3;
const warmUps = 2;
const conversationsMax = 400;
const references = 512;

/**
 * Measures durable stores one at a time and 64 in flight, beside the Rust library's layout without any fsync.
 */
export async function measureStores({ name, conversations }: Corpus): Promise<void> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const changes = conversations.slice(0, conversationsMax).map((each) => changeOf(each, core, codec));
  const lmdb = (folder: string) => openLmdbBackend({ folder, codec, clock: Date.now });
  const files = (folder: string) =>
    openFilesystemBackend({ folder, codec, core, clock: Date.now, fsync: false });
  const durable = [
    { label: 'lmdb, durable, 1 in flight', open: lmdb, inFlight: 1 },
    { label: 'lmdb, durable, 64 in flight', open: lmdb, inFlight: 64 },
  ];
  const layout = [
    { label: "the Rust library's layout, no fsync, 1 in flight", open: files, inFlight: 1 },
    { label: "the Rust library's layout, no fsync, 64 in flight", open: files, inFlight: 64 },
  ];
  // The layout is last: the disk is busy with its thousands of files long after they were written.
  const rates = [
    ...(await ratesOf(durable, changes, durableRuns)),
    ...(await ratesOf(layout, changes, layoutRuns)),
  ];
  printTable(
    `storage: conversations stored and in place, ${name}, ${changes.length} conversations; ` +
      `${durableRuns} and ${layoutRuns} interleaved runs after ${warmUps} to warm up, median (lowest to highest)`,
    ['', 'conversations/s', 'of the first'],
    [...durable, ...layout].map(({ label }, index) => [
      label,
      spread(rates[index]!, '/s'),
      index < durable.length
        ? ratio(rates[index]!, rates[0]!)
        : (median(rates[index]!) / median(rates[0]!)).toFixed(2),
    ]),
  );
  await measureReferences(lmdb);
}

interface Scheme {
  readonly open: (folder: string) => Promise<ManagedBackend>;
  readonly inFlight: number;
}

/**
 * Interleaves the schemes, so that the machine's drift is the same for all. The first rounds warm the
 * compiler up.
 */
async function ratesOf(
  schemes: readonly Scheme[],
  changes: readonly Change[],
  runs: number,
): Promise<number[][]> {
  const rates = schemes.map((): number[] => []);
  for (let run = -warmUps; run < runs; run++) {
    for (const [index, scheme] of schemes.entries()) {
      const rate = await rateOf(scheme, changes);
      if (run >= 0) rates[index]!.push(rate);
    }
  }
  return rates;
}

/** Measured until the backend is closed: a journal answers before its files are in place. */
async function rateOf({ open, inFlight }: Scheme, changes: readonly Change[]): Promise<number> {
  return inFolder(async (folder) => {
    const backend = await open(folder);
    const started = performance.now();
    await timed(changes, inFlight, (change) => store(backend, change));
    await backend.close();
    return (1000 * changes.length) / (performance.now() - started);
  });
}

/** Measures the bytes written to the disk for one more reference to a stored segment. */
async function measureReferences(open: (folder: string) => Promise<ManagedBackend>): Promise<void> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const segments = Array.from({ length: 20_000 }, (_, n) => {
    const run = core.fromTokens(Uint32Array.from({ length: 40 }, (_, i) => n * 40 + i));
    return { hash: core.hash(run.varints), tokenCount: run.tokenCount, frame: codec.encode(run) };
  });
  const named = Array.from({ length: references }, (_, n) => segments[(n * 7919) % segments.length]!);
  const changes = named.map((segment, n): Change => {
    const message = { role: 'user', name: '', toolCallId: '', segments: [segment] };
    const spec = { id: `reference/${n}`, application: '', model: '', tokenizer: '', parentId: '' };
    return {
      put: {
        spec: { ...spec, expireTimeMs: undefined, metadata: {} },
        messages: [message],
        expect: { kind: 'absentOrSame' },
        timeMs: Date.now(),
      },
    };
  });
  const rows = [];
  for (const inFlight of [1, references]) {
    const bytes = await inFolder(async (folder) => {
      const backend = await open(folder);
      await backend.commit({ newSegments: segments });
      const before = bytesWritten();
      await timed(changes, inFlight, (change) => backend.commit(change));
      const written = bytesWritten() - before;
      await backend.close();
      return written / references;
    });
    rows.push([`${inFlight} in flight`, `${short(bytes)} bytes`]);
  }
  printTable('storage: bytes written for a conversation of one stored segment', ['', 'each'], rows);
}
