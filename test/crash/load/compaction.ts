import { setTimeout } from 'node:timers/promises';
import { frameRegistryId, trainHere } from '../../../src/codec/index.js';
import type { SegmentKey, StoredRegistry } from '../../../src/storage/index.js';
import type { Fact } from '../facts.js';
import type { Random } from '../random.js';
import type { Load } from './load.js';

/** Short ones: a round has no time for a long training. */
const SAMPLE = { segments: 40, tokensMax: 200 };
const neverAborted = new AbortController().signal;
const BATCH = { limit: 24, bytesMax: 8 * 1024 };

/**
 * Trains registries on stored segments, rewrites frames with them in batches, drops those that no frame
 * names, and defragments half-empty pages.
 */
export async function compact(load: Load, _client: number, random: Random): Promise<never> {
  const { backend } = load;
  for (;;) {
    const registries = await backend.listRegistries();
    // Otherwise it continues where a killed worker stopped.
    if (registries.length === 0 || random.below(3) > 0) await putRegistry(load, registries);
    let after: SegmentKey | undefined;
    do {
      const page = await backend.scanSegments({ ...BATCH, ...(after !== undefined && { after }) });
      await rewrite(load, page.segments);
      after = page.next;
    } while (after !== undefined);
    await dropUnused(load, await backend.listRegistries());
    await backend.defragment?.(neverAborted);
    await setTimeout(1);
  }
}

async function putRegistry(
  { backend, core, codec, journal }: Load,
  known: readonly StoredRegistry[],
): Promise<void> {
  const { segments } = await backend.scanSegments({ limit: 120, bytesMax: Infinity });
  const sample = segments
    .filter(({ tokenCount }) => tokenCount <= SAMPLE.tokensMax)
    .slice(0, SAMPLE.segments)
    .map(({ frame }) => codec.decode(frame));
  const id = (known.at(-1)?.id ?? 0) + 1;
  const bytes = trainHere(core.module, sample, { id, phrasesMax: 200 });
  const facts: Fact[] = [[`registry/${id}`, 1]];
  journal.begin(facts);
  await backend.commit({ putRegistry: { bytes, timeMs: Date.now() } });
  journal.done(facts);
}

async function rewrite(
  { backend, codec, journal }: Load,
  segments: readonly { readonly key: SegmentKey; readonly frame: Uint8Array }[],
): Promise<void> {
  const replaceFrames = segments
    .map(({ key, frame }) => ({ key, expected: frame, frame: codec.encode(codec.decode(frame)) }))
    .filter(({ expected, frame }) => Buffer.compare(expected, frame) !== 0);
  if (replaceFrames.length === 0) return;
  const facts = replaceFrames.map(({ key, frame }): Fact => [`frame/${key}`, frameRegistryId(frame) ?? 0]);
  const before = replaceFrames.map(({ key, expected }): Fact => [
    `frame/${key}`,
    frameRegistryId(expected) ?? 0,
  ]);
  journal.seen(before);
  journal.begin(facts);
  const replaced = (await backend.commit({ replaceFrames })).replaceFrames!;
  journal.done(facts.filter((_, at) => replaced[at]));
}

async function dropUnused({ backend, journal }: Load, known: readonly StoredRegistry[]): Promise<void> {
  const unused = known.slice(0, -1).filter(({ segments }) => segments === 0);
  if (unused.length === 0) return;
  const fact = (id: number): Fact => [`registry/${id}`, null];
  journal.begin(unused.map(({ id }) => fact(id)));
  const { dropRegistries } = await backend.commit({ dropRegistries: unused.map(({ id }) => id) });
  journal.done(dropRegistries!.map(fact));
}
