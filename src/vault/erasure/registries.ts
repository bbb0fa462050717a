import {
  type Codec,
  createRewriter,
  registryIdOf,
  trainRegistry,
  undefinedIfCorruptFrame,
} from '../../codec/index.js';
import type { StorageBackend } from '../../storage/index.js';
import { readRegistries } from '../compaction/plan.js';
import { type Fenced, rewriteRetired } from '../compaction/rewrite.js';
import { takeSample } from '../compaction/sample.js';
import { BatchSize, scanBatches } from '../compaction/scan.js';
import { throwIfAborted, yieldToEventLoop } from '../event-loop.js';
import { KnownPhrases } from './known-phrases.js';

interface RegistryWork {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly clock: () => number;
  /** The right under which everything is committed. */
  readonly fenced: Fenced;
}

/** Tokens that are looked at before others have a turn. */
const SLICE_TOKENS = 64 * 1024;
/** Attempts to drop a registry: stores that were under way may still name it. */
const ATTEMPTS_MAX = 100;

/**
 * Returns the registries that have a token, a phrase or a passage that occurs in no stored segment: text that
 * was erased. Decodes every segment once for each registry.
 */
export async function findOutdatedRegistries(
  { backend, codec }: RegistryWork,
  signal: AbortSignal,
): Promise<{ readonly looked: number; readonly outdated: ReadonlySet<number> }> {
  const outdated = new Set<number>();
  const { registries } = codec.snapshot();
  for (const registry of registries) {
    const known = new KnownPhrases();
    for (const tokens of registry.spellings()) known.addPhrase(tokens);
    known.setText(registry.text());
    let left = SLICE_TOKENS;
    for await (const batch of scanBatches(backend, undefined, signal)) {
      const contents = codec.decodeMany(
        batch.map(({ frame }) => frame),
        'le32',
      );
      for (const content of contents) {
        if (!(content instanceof Uint8Array)) continue;
        const tokens = wordsOf(content);
        known.look(tokens);
        left -= tokens.length;
        if (left > 0) continue;
        left = SLICE_TOKENS;
        await yieldToEventLoop();
        throwIfAborted(signal);
      }
    }
    const hasAll = [...registry.spellings()].every((tokens) => known.hasFound(tokens));
    if (!hasAll || !known.hasFoundText()) outdated.add(registry.id);
  }
  return { looked: registries.length, outdated };
}

/**
 * Trains a registry on what is stored now, rewrites the frames that name one of these, and drops these.
 * Returns those that are gone.
 */
export async function replaceRegistries(
  { backend, codec, clock, fenced }: RegistryWork,
  outdated: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const sample = await takeSample(backend, codec, signal, () => undefined);
  const runs =
    sample.runs.length > 0
      ? sample.runs
      : sample.heldBack.flatMap((frame) => undefinedIfCorruptFrame(() => codec.decode(frame)) ?? []);
  if (runs.length > 0) {
    const last = (await readRegistries(backend)).at(-1);
    const id = (last === undefined ? 0 : registryIdOf(last)) + 1;
    const bytes = await trainRegistry(runs, { id, signal });
    await backend.commit({ ...fenced, putRegistry: { bytes, timeMs: clock() } });
  }
  const gone = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && gone.size < outdated.size; attempt += 1) {
    throwIfAborted(signal);
    await rewriteFrames(backend, fenced, outdated, signal);
    const { dropRegistries = [] } = await backend.commit({ ...fenced, dropRegistries: [...outdated] });
    for (const dropped of dropRegistries) gone.add(dropped);
  }
  return gone;
}

async function rewriteFrames(
  backend: StorageBackend,
  fenced: Fenced,
  outdated: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<void> {
  const registries = await readRegistries(backend);
  const newest = registries.at(-1);
  if (newest === undefined || outdated.has(registryIdOf(newest))) return;
  const rewriter = createRewriter(registries);
  const registryId = registryIdOf(newest);
  try {
    const work = { backend, fenced, rewriter, registryId, signal, size: new BatchSize() };
    for await (const batch of rewriteRetired(work, outdated)) void batch;
  } finally {
    await rewriter.close();
  }
}

/** Returns the tokens as words; copies them if they are not aligned. */
function wordsOf(le32: Uint8Array): Uint32Array {
  const bytes = le32.byteOffset % 4 === 0 ? le32 : le32.slice();
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
