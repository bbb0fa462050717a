import { expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { openLmdbBackend, openLmdbReader } from '../../../src/storage/index.js';
import { core, longSegment, message, storing } from '../../contract/support.js';
import { Random } from '../../crash/random.js';
import { sampleOr } from '../../support/sample.js';
import { temporaryFolder } from '../faults/support.js';

const signal = new AbortController().signal;
const packing = { coldAfterMs: 0, fewest: 3 };
const timeMs = 5_000;
const CLIENTS = 3;
const CALLS = sampleOr(200, 2_000);

it('conversations are what their last change made of them while they are packed all the time', async () => {
  const folder = await temporaryFolder();
  const backend = await openLmdbBackend({
    ...{ folder: folder.path, codec: createLiveCodec(core), clock: () => timeMs },
    ...{ durability: 'relaxed', strict: true, packing },
  });
  const reader = await openLmdbReader({
    ...{ folder: folder.path, codec: createLiveCodec(core), lease: () => () => undefined, sharers: 1 },
  });
  /** Messages of each conversation that is there. */
  const known = new Map<string, number>();
  let isDone = false;
  const over = async (work: () => Promise<unknown>) => {
    while (!isDone) {
      await work();
      await new Promise(setImmediate);
    }
  };
  const client = async (own: number) => {
    const random = new Random(own);
    for (let call = 0; call < CALLS; call++) {
      const id = `${own}/${random.below(100)}`;
      const messages = known.get(id);
      const what = random.below(10);
      if (messages === undefined) {
        await backend.commit(storing(id, [longSegment(8, random.below(400))]));
        known.set(id, 1);
      } else if (what < 3) {
        await backend.commit({ delete: { id, timeMs } });
        known.delete(id);
      } else if (what < 6) {
        const segment = longSegment(5, random.below(300));
        const added = [message('user', segment)];
        await backend.commit({ newSegments: [segment], append: { id, messages: added, timeMs } });
        known.set(id, messages + 1);
      } else if (what < 7) {
        const newId = `${id}, fork ${call}`;
        await backend.commit({ fork: { id, newId, messageCount: 1, timeMs } });
        known.set(newId, 1);
      } else {
        reader.refresh();
        for (const each of [backend, reader])
          expect((await each.getConversation(id))?.messageCount).toBe(messages);
      }
    }
  };
  const background = [
    over(() => backend.defragment(signal)),
    over(() => backend.forget({ isForgotten: () => false, labels: [], signal })),
  ];
  await Promise.all(Array.from({ length: CLIENTS }, (_, own) => client(own))).finally(() => (isDone = true));
  await Promise.all(background);
  for (const order of ['oldestFirst', 'newestFirst'] as const) {
    const { conversations, damaged } = await backend.listConversations({
      ...{ filter: {}, order, limit: 5_000, scanLimit: 9_999 },
    });
    expect(damaged).toBeUndefined();
    expect(new Map(conversations.map(({ id, messageCount }) => [id, messageCount]))).toEqual(known);
  }
  expect(await backend.check()).toEqual([]);
  await reader.close();
  await backend.close();
  await folder.remove();
});
