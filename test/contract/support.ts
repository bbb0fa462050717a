import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLiveCodec, type LiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import type { ConversationSpec, MessageRecord } from '../../src/model/index.js';
import {
  createMemoryBackend,
  openFilesystemBackend,
  openLmdbBackend,
  type Change,
  type ManagedBackend,
  type NewSegment,
  type SegmentKey,
} from '../../src/storage/index.js';
import { openInDatabase, postgresMissing } from '../support/postgres-vault.js';
import { messagesOf } from '../support/snapshots.js';

/** A backend under test, with a clock that the test sets. */
export interface Bench {
  backend: ManagedBackend;
  nowMs: number;
  /** The backend's own codec: a new one when it is opened again. */
  codec: LiveCodec;
  /** Closes the backend and opens it again, if it is persistent. */
  reopen(): Promise<void>;
  /** Opens the same vault once more. */
  openAgain(): Promise<ManagedBackend>;
  dispose(): Promise<void>;
}

const allKinds = ['memory', 'lmdb', 'filesystem', 'postgres', 'postgres in partitions'] as const;
export type BackendKind = (typeof allKinds)[number];

/** Kinds that can be tested here; test/storage/postgres/installed.test.ts says why one cannot. */
export const backendKinds: readonly BackendKind[] = allKinds.filter(
  (kind) => !isPostgres(kind) || postgresMissing === undefined,
);

export function isPostgres(kind: BackendKind): boolean {
  return kind === 'postgres' || isPartitioned(kind);
}

/**
 * True for a backend that has conversations apart: it stores a segment once in each partition whose
 * conversations name it, and counts each of these.
 */
export function isPartitioned(kind: BackendKind): boolean {
  return kind === 'postgres in partitions';
}

/**
 * A test of what backends have that store each segment once: one that has conversations apart has copies, and
 * lists what each partition has after the other. test/storage/postgres/partitions.test.ts is about those.
 */
export function itStoringOnce(kind: BackendKind): ReturnType<typeof it.skipIf> {
  return it.skipIf(isPartitioned(kind));
}

/** True if the data of a backend of this kind outlives it. */
export function isPersistent(kind: BackendKind): boolean {
  return kind !== 'memory';
}

export const core = await loadCore();
/** Without registries. */
export const codec = createLiveCodec(core);

/** `sync: false` if no power is cut: in a folder in memory if there is one, and never synced. */
interface BenchOptions {
  readonly sync?: boolean;
  readonly strict?: boolean;
  /** See LmdbOptions. */
  readonly packing?: { readonly coldAfterMs: number; readonly fewest: number };
}

export async function openBench(
  kind: BackendKind,
  { sync = true, strict = false, packing }: BenchOptions = {},
): Promise<Bench> {
  const parent = !sync && existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = await mkdtemp(join(parent, `stowken-${kind.replaceAll(' ', '-')}-`));
  /** A vault of its own in the database of all tests. */
  const vault = `test ${randomUUID()}`;
  const clock = () => bench.nowMs;
  const open = (codec: LiveCodec) => openers(codec)[kind]();
  const openers = (codec: LiveCodec) => ({
    memory: () => createMemoryBackend({ codec, clock, strict }),
    lmdb: () =>
      openLmdbBackend({
        folder,
        codec,
        clock,
        durability: sync ? 'fsync' : 'relaxed',
        strict,
        ...(packing && { packing }),
      }),
    filesystem: () => openFilesystemBackend({ folder, codec, core, clock, fsync: sync, strict }),
    postgres: () => openInDatabase(1, { vault, codec, clock, strict }),
    'postgres in partitions': () => openInDatabase(4, { vault, codec, clock, strict }),
  });
  const firstCodec = createLiveCodec(core);
  const bench: Bench = {
    backend: await open(firstCodec),
    nowMs: 1_000,
    codec: firstCodec,
    async reopen() {
      if (!isPersistent(kind)) return;
      await bench.backend.close();
      bench.codec = createLiveCodec(core);
      bench.backend = await open(bench.codec);
    },
    openAgain: async () => open(createLiveCodec(core)),
    async dispose() {
      await bench.backend.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

/** Returns a segment of these tokens. */
export function segment(...tokens: number[]): NewSegment {
  const run = core.fromTokens(Uint32Array.from(tokens));
  return { hash: core.hash(run.varints), tokenCount: run.tokenCount, frame: codec.encode(run) };
}

/** Returns a segment of `count` tokens that depend on `seed`. */
export function longSegment(count: number, seed: number): NewSegment {
  return segment(...Array.from({ length: count }, (_, index) => (index * 7919 + seed * 104_729) % 200_000));
}

export function spec(id: string, fields: Partial<ConversationSpec> = {}): ConversationSpec {
  return {
    id,
    application: '',
    model: '',
    tokenizer: '',
    parentId: '',
    expireTimeMs: undefined,
    metadata: {},
    ...fields,
  };
}

export function message(role: string, ...segments: NewSegment[]): MessageRecord {
  return {
    role,
    name: '',
    toolCallId: '',
    segments: segments.map(({ hash, tokenCount }) => ({ hash, tokenCount })),
  };
}

/** Returns a put of one message for each segment, with all these segments. */
export function storing(id: string, segments: readonly NewSegment[], timeMs = 1_000): Change {
  return {
    newSegments: segments,
    put: {
      spec: spec(id),
      messages: segments.map((each) => message('user', each)),
      expect: { kind: 'absentOrSame' },
      timeMs,
    },
  };
}

/** Creates a bench for each test of a suite, and checks the invariants after each. */
export function useBench(kind: BackendKind, { sync = true } = {}): () => Bench {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench(kind, { sync, strict: true });
  });
  afterEach(async () => {
    const violations = await bench.backend.check();
    await bench.dispose();
    expect(violations).toEqual([]);
  });
  return () => bench;
}

/** Reads a conversation through a snapshot, as hashes computed from its frames. */
export async function readConversation({ backend, codec }: Bench, id: string) {
  const snapshot = await backend.openConversation(id);
  if (!snapshot) return undefined;
  const messages = [];
  for (const { segments, ...rest } of await messagesOf(snapshot)) {
    const keys = segments.map(({ key }) => key);
    const hashes = await backend.readHashes(keys);
    const frames = await backend.readFrames(keys);
    expect(frames.map((frame) => codec.hashOf(frame))).toEqual(hashes);
    messages.push({ ...rest, hashes });
  }
  snapshot.release();
  return { conversation: snapshot.conversation, messages };
}

export async function garbageKeys({ backend }: Bench, garbageBeforeMs = Infinity): Promise<SegmentKey[]> {
  const page = await backend.listGarbage({ limit: 1000, garbageBeforeMs });
  return page.segments.map(({ key }) => key);
}
