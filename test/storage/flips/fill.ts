import { limits, type ConversationSpec, type SegmentHash } from '../../../src/model/index.js';
import type { StorageBackend } from '../../../src/storage/index.js';
import type { StoreInput } from '../../../src/vault/index.js';
import { collectAll, say, signal, spec, type TestVault } from '../../support/vault.js';
import { messagesOf } from '../../support/snapshots.js';

/** Returns so many tokens of one of a few kinds. */
function tokens(kind: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 31 + kind * 977) % 190_000);
}

/** A conversation to store. */
interface PlannedStore {
  readonly spec: ConversationSpec;
  readonly requestId?: string;
  readonly messages: readonly { readonly role: string; readonly content: readonly number[] }[];
}

/** Arguments of the questions other than lists. */
export interface Asked {
  readonly ids: readonly string[];
  readonly hashes: readonly SegmentHash[];
  readonly prefix: readonly number[];
  /** A store to be repeated under its request id. */
  readonly replayed: PlannedStore;
  /** Stores of existing conversations, without their request ids. */
  readonly again?: readonly PlannedStore[];
  /** Existing references. */
  readonly held?: readonly { readonly hash: SegmentHash; readonly holder: string }[];
}

const replayed = { role: 'user', name: '', toolCallId: '', content: tokens(3, 20) };

/** Stores some of everything that a vault can have. */
export async function fill({ vault, backend }: TestVault): Promise<Asked> {
  const shared = tokens(1, 2 * limits.prefixBlockTokens + 30);
  for (let n = 0; n < 6; n++) {
    const fields = {
      application: n % 2 ? 'chat' : 'other',
      metadata: { [`key ${n}`]: `value ${n}`, user: `user ${n % 3}` },
    };
    const messages = [say('system', shared), say('user', tokens(10 + n, 40 + 90 * n)), say(`role ${n}`)];
    await vault.store({ spec: spec(`c${n}`, fields), messages }, signal);
  }
  await vault.fork({ id: 'c1', newId: 'fork', messageCount: 2 }, signal);
  await vault.append({ id: 'fork', messages: [say('user', tokens(30, 50))] }, signal);
  await vault.store({ spec: spec('long'), messages: [say('user', incompressible(4000))] }, signal);
  await vault.store({ spec: spec('half'), messages: [say('user', incompressible(1100))] }, signal);
  await vault.store({ spec: spec('gone'), messages: [say('user', tokens(40, 60))] }, signal);
  await vault.delete('gone', { allowMissing: false });
  const put = await vault.putSegments(
    { contents: [{ kind: 'varints', chunks: [Buffer.of(1, 2, 3)] }], holder: 'somebody' },
    signal,
  );
  const store = { spec: spec('asked twice'), requestId: 'request 1' };
  const made: StoreInput = { ...store, messages: [say('user', replayed.content)] };
  await vault.store(made, signal);
  await manyMessages(vault);
  await compacted(vault);
  // New segments after the compaction.
  await vault.store({ spec: spec('last'), messages: [say('user', tokens(50, 300))] }, signal);
  const { conversations } = await vault.list({
    filter: {},
    order: 'oldestFirst',
    limit: 100,
    scanLimit: 100,
  });
  return {
    ids: conversations.map(({ id }) => id),
    hashes: [
      ...(await hashesOf(backend, conversations)),
      ...put.flatMap((each) => ('hash' in each ? [each.hash] : [])),
    ],
    prefix: shared,
    replayed: { ...store, messages: [replayed] },
  };
}

const SMALL = 300;
const LONG_NAME = ' of a name that is long enough';

/**
 * Adds so many small conversations, requests and references that the tables of their indexes have several
 * pages.
 */
export async function fillIndexes({ vault, backend }: TestVault, asked: Asked): Promise<Asked> {
  const stores = Array.from({ length: SMALL }, (_, n): PlannedStore => {
    const id = `small ${(n * 7919) % SMALL}${LONG_NAME}`;
    const application = n % 3 ? 'chat' : `application ${n}`;
    const kinds = [1000, 2000, 3000, 4000, 5000].map((kind) => kind + n);
    const messages = kinds.map((kind, at) => ({
      ...replayed,
      content: tokens(kind, at === 0 && n % 4 === 0 ? limits.prefixBlockTokens + n : 8),
    }));
    return { spec: spec(id, { application }), requestId: `small ${n}`, messages };
  });
  for (const { messages, ...store } of stores) {
    const said = messages.map((each) => say(each.role, each.content));
    await vault.store({ ...store, messages: said }, signal);
  }
  const held = stores.map((_, n) => ({
    hash: asked.hashes[n % 3]!,
    holder: `holder ${(n * 7919) % SMALL}${LONG_NAME}`,
  }));
  await vault.addReferences(held);
  // Gaps in the lists, and a hash index whose chunks have all segments.
  const isDeleted = (_: unknown, n: number) => n % 50 === 5;
  for (const { spec } of stores.filter(isDeleted)) await vault.delete(spec.id, { allowMissing: false });
  const { segments } = await backend.listGarbage({ limit: 3, garbageBeforeMs: Infinity });
  await backend.commit({ collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: Infinity } });
  const some = stores.filter((_, n) => n % 30 === 0);
  return {
    ids: [...asked.ids.slice(0, 6), ...some.map(({ spec }) => spec.id)],
    hashes: [...asked.hashes.slice(0, 6), ...asked.hashes.slice(-1)],
    prefix: asked.prefix,
    replayed: some.at(-1)!,
    again: some.map(({ spec, messages }) => ({ spec, messages })),
    held: held.filter((_, n) => n % 30 === 0),
  };
}

/** Enough for blocks of a message list, of a few segments. */
async function manyMessages(vault: TestVault['vault']): Promise<void> {
  const messages = Array.from({ length: 900 }, (_, n) => say('user', tokens(60 + ((n * 7) % 13), 4)));
  await vault.store({ spec: spec('many'), messages }, signal);
}

async function compacted(vault: TestVault['vault']): Promise<void> {
  const bounds = { segmentsMax: undefined, bytesMax: undefined, timeMsMax: undefined };
  const input = { dryRun: false, minSavingsRatio: 0, resumeToken: '', ...bounds };
  await collectAll(vault.compact(input, signal));
}

function incompressible(count: number): number[] {
  let state = 12_345;
  return Array.from({ length: count }, () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % 2 ** 20);
}

async function hashesOf(
  backend: StorageBackend,
  conversations: readonly { readonly id: string }[],
): Promise<SegmentHash[]> {
  const keys = new Map<unknown, Parameters<typeof backend.readHashes>[0][number]>();
  for (const { id } of conversations) {
    const snapshot = await backend.openConversation(id);
    for (const { segments } of snapshot === undefined ? [] : await messagesOf(snapshot))
      for (const { key } of segments) if (keys.size < 40) keys.set(key, key);
    snapshot?.release();
  }
  return backend.readHashes([...keys.values()]);
}
