import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../src/codec/index.js';
import type { Conversation, Expiry } from '../../src/model/index.js';
import {
  type ConversationFilter,
  createMemoryBackend,
  type ListOrder,
  type ListPosition,
  type ManagedBackend,
  openLmdbBackend,
  type ValueCondition,
} from '../../src/storage/index.js';
import { core, longSegment, message, spec } from '../contract/support.js';
import { openInDatabase } from '../support/postgres-vault.js';
import { fullKinds } from '../support/stored-vault.js';
import { randomFrom } from '../support/random.js';
import { sampleOr } from '../support/sample.js';

const orders = [
  'newestFirst',
  'oldestFirst',
  'latestStoreFirst',
  'earliestStoreFirst',
  'latestUpdateFirst',
  'earliestUpdateFirst',
  'earliestExpiryFirst',
] as const;
const words = ['', 'a', 'b', 'c'];
const open: { readonly backend: ManagedBackend; readonly folder: string }[] = [];

afterEach(async () => {
  for (const { backend, folder } of open.splice(0)) {
    await backend.close();
    await rm(folder, { recursive: true, force: true });
  }
});

type Kind = (typeof fullKinds)[number];

async function openBackend(kind: Kind, unindexedMax: number): Promise<ManagedBackend> {
  const folder = await mkdtemp(join(tmpdir(), 'stowken-lists-'));
  const codec = createLiveCodec(core);
  const clock = () => 1;
  const openers: Readonly<Record<Kind, () => Promise<ManagedBackend> | ManagedBackend>> = {
    memory: () => createMemoryBackend({ codec, clock, strict: true }),
    lmdb: () => openLmdbBackend({ folder, codec, clock, durability: 'relaxed', strict: true, unindexedMax }),
    postgres: () => openInDatabase(1, { codec, clock }),
    'postgres in partitions': () => openInDatabase(4, { codec, clock }),
  };
  const backend = await openers[kind]();
  open.push({ backend, folder });
  return backend;
}

/** A vault that random changes are made to, and the conversations that it must have. */
class Subject {
  readonly all = new Map<string, { readonly number: number; readonly conversation: Conversation }>();
  #made = 0;
  #timeMs = 1000;

  constructor(
    readonly backend: ManagedBackend,
    readonly random: ReturnType<typeof randomFrom>,
    /** True: conversations get create times of their own. */
    public dates = false,
  ) {}

  async change(): Promise<void> {
    const { random } = this;
    const ids = [...this.all.keys()];
    const id = ids[random.below(Math.max(1, ids.length))];
    this.#timeMs += random.below(3) * 500;
    const what = random.below(10);
    if (what === 0 && id !== undefined) {
      await this.backend.commit({ delete: { id, timeMs: this.#timeMs } });
      this.all.delete(id);
      return;
    }
    const length = random.below(4) === 0 ? 1 + random.below(60) : 1;
    const messages = Array.from({ length }, () => message('user', longSegment(1 + random.below(9), 1)));
    const newSegments = messages.flatMap(({ segments }) => segments.map((_, at) => longSegment(1 + at, 1)));
    const named = {
      newSegments: [...newSegments, ...Array.from({ length: 9 }, (_, n) => longSegment(n + 1, 1))],
    };
    if (what <= 2 && id !== undefined) {
      const { append } = await this.backend.commit({
        ...named,
        append: { id, messages, timeMs: this.#timeMs },
      });
      return this.#keep(this.all.get(id)!.number, append!.conversation);
    }
    const word = () => words[random.below(words.length)]!;
    const replaced = what === 3 && id !== undefined;
    const fields = {
      application: word(),
      model: word(),
      parentId: random.below(3) === 0 && id !== undefined ? id : '',
      ...(this.dates && random.below(3) > 0 && { createTimeMs: random.below(this.#timeMs + 2000) }),
      expireTimeMs: random.below(3) === 0 ? this.#timeMs + random.below(5000) : undefined,
      metadata: {
        ...(random.below(2) === 0 && { user: word() }),
        ...(random.below(2) === 0 && { session: String(random.below(20)) }),
      },
    };
    const before = replaced ? this.all.get(id)! : undefined;
    const { put } = await this.backend.commit({
      ...named,
      put: {
        spec: spec(replaced ? id : `${word()}-${this.#made}`, fields),
        messages,
        expect: { kind: 'revision', revision: before?.conversation.revision ?? 0 },
        timeMs: this.#timeMs,
      },
    });
    this.#keep(before?.number ?? ++this.#made, put!.conversation);
  }

  #keep(number: number, conversation: Conversation): void {
    this.all.set(conversation.id, { number, conversation });
  }

  /** Returns what a list must have, by a look at every conversation. */
  expected(filter: ConversationFilter, order: ListOrder, expiry?: Expiry): string[] {
    const sign = order.startsWith('newest') || order.startsWith('latest') ? -1 : 1;
    const timeOf = ({ createTimeMs, updateTimeMs, expireTimeMs = 0 }: Conversation) =>
      order === 'newestFirst' || order === 'oldestFirst'
        ? createTimeMs
        : order === 'latestStoreFirst' || order === 'earliestStoreFirst'
          ? 0
          : order === 'earliestExpiryFirst'
            ? expireTimeMs
            : updateTimeMs;
    return [...this.all.values()]
      .filter(({ conversation }) => passes(conversation, filter))
      .filter(
        ({ conversation: { expireTimeMs = Infinity } }) =>
          (!expiry || expireTimeMs > expiry.nowMs) &&
          (order !== 'earliestExpiryFirst' || expireTimeMs < Infinity),
      )
      .sort((a, b) => sign * (timeOf(a.conversation) - timeOf(b.conversation) || a.number - b.number))
      .map(({ conversation }) => conversation.id);
  }

  /** Returns a time among those of the conversations. */
  time(): number {
    return 1000 + this.random.below(this.#timeMs);
  }

  filter(): ConversationFilter {
    const { random } = this;
    const some = (fields: ConversationFilter) => (random.below(4) === 0 ? fields : {});
    const time = () => this.time();
    const condition = (): ValueCondition => {
      const field = (['application', 'model', 'parentId', 'metadata', 'metadata'] as const)[random.below(5)]!;
      const values =
        field === 'parentId'
          ? [...this.all.keys()].slice(0, 3)
          : Array.from({ length: 1 + random.below(2) }, () => words[random.below(words.length)]!);
      return { field, key: field === 'metadata' ? 'user' : '', values, negated: random.below(3) === 0 };
    };
    return {
      ...some({ application: words[1 + random.below(3)]! }),
      ...some({ metadata: { session: String(random.below(20)) } }),
      ...some({ idPrefix: words[random.below(4)]! }),
      ...some({ createTimeFromMs: time() }),
      ...some({ createTimeBeforeMs: time() }),
      ...some({ updateTimeFromMs: time() }),
      ...some({ updateTimeBeforeMs: time() }),
      ...some({ expireTimeFromMs: time(), expireTimeBeforeMs: this.#timeMs + 2500 }),
      ...some({ expires: random.below(2) === 0 }),
      ...some({ tokensMin: random.below(random.below(2) === 0 ? 9 : 300) }),
      ...some({ tokensMax: random.below(random.below(2) === 0 ? 9 : 300) }),
      ...(random.below(2) === 0 && { conditions: Array.from({ length: 1 + random.below(2) }, condition) }),
    };
  }

  /** Reads a list page by page, and makes changes between the pages. */
  async read(
    filter: ConversationFilter,
    order: ListOrder,
    limit: number,
    between = async () => {},
    expiry?: Expiry,
  ) {
    const ids: string[] = [];
    let after: ListPosition | undefined;
    do {
      const scanLimit = 1 + this.random.below(100);
      const query = { filter, order, limit, scanLimit, ...(after && { after }), ...(expiry && { expiry }) };
      const page = await this.backend.listConversations(query);
      expect(page.damaged).toBeUndefined();
      ids.push(...page.conversations.map(({ id }) => id));
      after = page.next;
      if (after !== undefined) await between();
    } while (after !== undefined);
    return ids;
  }
}

/** The rule of a filter, written once more. */
function passes(conversation: Conversation, filter: ConversationFilter): boolean {
  const { conditions = [], metadata = {}, application, idPrefix = '', expires } = filter;
  const { tokensMin = 0, tokensMax = Infinity } = filter;
  const { createTimeMs: created, updateTimeMs: updated, expireTimeMs: expiry } = conversation;
  const within = (at: number | undefined, from = -1, before = 1e15) =>
    at !== undefined && at >= from && at < before;
  const asksExpiry = filter.expireTimeFromMs !== undefined || filter.expireTimeBeforeMs !== undefined;
  return (
    (application === undefined || conversation.application === application) &&
    conversation.id.startsWith(idPrefix) &&
    within(created, filter.createTimeFromMs, filter.createTimeBeforeMs) &&
    within(updated, filter.updateTimeFromMs, filter.updateTimeBeforeMs) &&
    (!asksExpiry || within(expiry, filter.expireTimeFromMs, filter.expireTimeBeforeMs)) &&
    (expires === undefined || expires === (expiry !== undefined)) &&
    conversation.totalTokens >= tokensMin &&
    conversation.totalTokens <= tokensMax &&
    Object.keys(metadata).every((key) => conversation.metadata[key] === metadata[key]) &&
    conditions.every(({ field, key, values, negated }) => {
      const value = field === 'metadata' ? conversation.metadata[key] : conversation[field];
      return values.some((each) => each === value) !== negated;
    })
  );
}

describe.each(fullKinds)('lists of the %s backend agree with a look at everything', (kind) => {
  // Each change, and each page, is a trip to a database.
  const [few, many] = kind.startsWith('postgres') ? [1, 10] : [3, 40];
  it.each(Array.from({ length: sampleOr(few, many) }, (_, seed) => seed + 1))('seed %i', async (seed) => {
    const random = randomFrom(seed);
    const subject = new Subject(await openBackend(kind, 1 + random.below(20)), random);
    for (let round = 0; round < 6; round++) {
      subject.dates = round > (seed % 3) * 2;
      const labels = [['user', 'session'], ['user'], [], ['session', 'other']][random.below(4)]!;
      await subject.backend.setLabels?.(labels);
      for (let count = 0; count < 40; count++) await subject.change();
      for (let query = 0; query < 15; query++) {
        const filter = subject.filter();
        const order = orders[random.below(orders.length)]!;
        const expiry = random.below(2) === 0 ? { nowMs: subject.time() } : undefined;
        const asked = JSON.stringify({ filter, order, expiry });
        const found = await subject.read(filter, order, 1 + random.below(12), undefined, expiry);
        expect(found, asked).toEqual(subject.expected(filter, order, expiry));
      }
      expect(await subject.backend.check()).toEqual([]);
      if (round === 4) await subject.backend.repair?.();
    }
  });

  it.each([false, true])('leaves nothing out while changes go on; own create times: %s', async (dates) => {
    const random = randomFrom(77);
    const subject = new Subject(await openBackend(kind, 8), random, dates);
    await subject.backend.setLabels?.(['user', 'session']);
    for (let count = 0; count < 150; count++) await subject.change();
    for (let query = 0; query < sampleOr(kind.startsWith('postgres') ? 8 : 20, 200); query++) {
      const filter = subject.filter();
      const order = orders[random.below(4)]!;
      const before = new Map(subject.all);
      const found = await subject.read(filter, order, 1 + random.below(5), () => subject.change());
      // A create time that is given to a stored conversation gives it another place.
      const still = found.filter((id) => subject.all.get(id)?.conversation === before.get(id)?.conversation);
      expect(new Set(still).size).toBe(still.length);
      for (const [id, { conversation }] of before) {
        if (subject.all.get(id)?.conversation !== conversation) continue;
        if (passes(conversation, filter)) expect(found).toContain(id);
        else expect(found).not.toContain(id);
      }
    }
    expect(await subject.backend.check()).toEqual([]);
  });
});
