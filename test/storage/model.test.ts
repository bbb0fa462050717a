import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change, ConversationSnapshot, ManagedBackend } from '../../src/storage/index.js';
import { longSegment, message, openBench, spec, type Bench } from '../contract/support.js';

/** Segments of many sizes: empty, tiny, around every border of the schema, several pages. */
const sizes = [1, 2, 3, 5, 8, 30, 60, 400, 660, 700, 1340, 1350, 2500, 4100];
const segments = sizes.flatMap((size) => [longSegment(size, 1), longSegment(size, 2), longSegment(size, 3)]);
const ids = ['a', 'ab', 'abc', 'b', 'ba', '../x', 'ü', 'conversation/1', 'conversation/2', 'conversation/10'];

const segmentIndex = fc.integer({ min: 0, max: segments.length - 1 });
const storedMessage = fc.record({
  role: fc.constantFrom('user', 'assistant', 'tool', ''),
  name: fc.constantFrom('', '', 'nick'),
  toolCallId: fc.constantFrom('', '', 'call_1'),
  segments: fc.array(segmentIndex, { maxLength: 3 }),
});
const put = fc.record({
  kind: fc.constant('put' as const),
  id: fc.constantFrom(...ids),
  messages: fc.array(storedMessage, { maxLength: 6 }),
  metadata: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('', 'v')),
  /** Undefined: absentOrSame. */
  revision: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  brings: fc.integer({ min: 0, max: 9 }),
});
const operation = fc.oneof(
  { weight: 8, arbitrary: put },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), id: fc.constantFrom(...ids) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('segments' as const), indexes: fc.array(segmentIndex) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('collect' as const), part: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('refer' as const),
      index: segmentIndex,
      holder: fc.constantFrom('h', 'i'),
      held: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('deleteSegments' as const), indexes: fc.array(segmentIndex) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('open' as const), id: fc.constantFrom(...ids) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 50 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Everything that a caller can see of a vault, without the backend's own keys. */
async function visible(backend: ManagedBackend) {
  const { conversations } = await backend.listConversations({
    filter: {},
    order: 'oldestFirst',
    limit: 1000,
    scanLimit: 1000,
  });
  const manifests = [];
  for (const { id } of conversations) manifests.push(await read(backend, await backend.openConversation(id)));
  const { segments: garbage } = await backend.listGarbage({ limit: 1000, garbageBeforeMs: Infinity });
  const { inUseBytes, fileBytes, ...stats } = await backend.stats();
  expect(inUseBytes).toBeGreaterThanOrEqual(stats.segmentBytes);
  expect(fileBytes).toBeGreaterThanOrEqual(0);
  return {
    conversations,
    manifests,
    garbage: await backend.readHashes(garbage.map(({ key }) => key)),
    stats,
  };
}

async function read(backend: ManagedBackend, snapshot: ConversationSnapshot | undefined) {
  if (!snapshot) return undefined;
  const messages = [];
  for (const each of snapshot.messages()) {
    const keys = each.segments.map(({ key }) => key);
    const frames = await backend.readFrames(keys);
    messages.push({
      ...each,
      segments: await backend.readHashes(keys),
      frames: frames.map((f) => Buffer.from(f).toString('hex')),
    });
  }
  snapshot.release();
  return { conversation: snapshot.conversation, messages };
}

class Pair {
  readonly #open: ConversationSnapshot[][] = [];

  constructor(
    private readonly model: Bench,
    private readonly real: Bench,
  ) {}

  async run(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'put':
        return this.#commit({
          newSegments: operation.messages
            .flatMap((each) => each.segments)
            .filter((index) => index % 10 <= operation.brings)
            .map((index) => segments[index]!),
          put: {
            spec: spec(operation.id, {
              metadata: operation.metadata,
              model: `m${operation.messages.length}`,
            }),
            messages: operation.messages.map((each) => ({
              ...message(each.role, ...each.segments.map((index) => segments[index]!)),
              name: each.name,
              toolCallId: each.toolCallId,
            })),
            expect:
              operation.revision === undefined
                ? { kind: 'absentOrSame' }
                : { kind: 'revision', revision: operation.revision },
            timeMs: this.model.nowMs,
          },
        });
      case 'delete':
        return this.#commit({ delete: { id: operation.id, timeMs: this.model.nowMs } });
      case 'segments':
        return this.#commit({ newSegments: operation.indexes.map((index) => segments[index]!) });
      case 'refer': {
        const { holder, held } = operation;
        const references = [{ hash: segments[operation.index]!.hash, holder }];
        return this.#commit(held ? { addReferences: references } : { removeReferences: references });
      }
      case 'deleteSegments':
        return this.#commit({ deleteSegments: operation.indexes.map((index) => segments[index]!.hash) });
      case 'collect':
        return this.#collect(operation.part);
      case 'open': {
        const snapshots = await Promise.all(
          this.#backends().map((each) => each.openConversation(operation.id)),
        );
        const found = snapshots.filter((each) => each !== undefined);
        expect([0, 2]).toContain(found.length);
        if (found.length > 0) this.#open.push(found);
        return;
      }
      case 'release':
        return this.#release();
      case 'wait':
        this.model.nowMs += operation.ms;
        this.real.nowMs = this.model.nowMs;
        return;
      case 'reopen':
        while (this.#open.length > 0) await this.#release();
        return this.real.reopen();
    }
  }

  async compare(): Promise<void> {
    expect(await this.real.backend.check()).toEqual([]);
    expect(await visible(this.real.backend)).toEqual(await visible(this.model.backend));
  }

  #backends(): ManagedBackend[] {
    return [this.model.backend, this.real.backend];
  }

  async #commit(change: Change): Promise<void> {
    const [model, real] = await Promise.all(
      this.#backends().map((backend) => backend.commit(change).catch((error: unknown) => ({ error }))),
    );
    expect(JSON.parse(JSON.stringify(real))).toEqual(JSON.parse(JSON.stringify(model)));
  }

  /** Collects what is garbage and not the newest, in both, by hash. */
  async #collect(part: number): Promise<void> {
    const garbageBeforeMs = this.model.nowMs - part;
    const results = [];
    for (const backend of this.#backends()) {
      const { segments: garbage } = await backend.listGarbage({ limit: 1000, garbageBeforeMs });
      const hashes = await backend.readHashes(garbage.map(({ key }) => key));
      const keys = garbage.map(({ key }) => key).filter((_, at) => hashes[at]!.charCodeAt(0) % part === 0);
      results.push((await backend.commit({ collect: { keys, garbageBeforeMs } })).collect);
    }
    expect(results[1]).toEqual(results[0]);
  }

  /** Snapshots still read what they saw. */
  async #release(): Promise<void> {
    const [model, real] = this.#open.shift() ?? [];
    expect(await read(this.real.backend, real)).toEqual(await read(this.model.backend, model));
  }
}

describe('the lmdb backend', () => {
  it('does what the memory backend does, whatever is asked of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 30, maxLength: 120, size: 'max' }),
        async (operations) => {
          const [model, real] = [await openBench('memory'), await openBench('lmdb')];
          try {
            const pair = new Pair(model, real);
            for (const [index, each] of operations.entries()) {
              await pair.run(each);
              if (index % 10 === 9) await pair.compare();
            }
            await pair.compare();
          } finally {
            await model.dispose();
            await real.dispose();
          }
        },
      ),
      { numRuns: 40, verbose: 1 },
    );
  });
});
