import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { createLiveCodec } from '../../../src/codec/index.js';
import { openLmdbBackend, restoreLmdb, type MaintainedBackend } from '../../../src/storage/index.js';
import { dataFileIn, Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { core, longSegment, spec, storing } from '../../contract/support.js';

/** Creates a vault in a folder that does not exist yet. */
export type Shape = (folder: string) => Promise<void>;

export function openAt(
  folder: string,
  durability: 'fsync' | 'relaxed' = 'relaxed',
): Promise<MaintainedBackend> {
  return openLmdbBackend({ folder, codec: createLiveCodec(core), clock: () => 1_000, durability });
}

/**
 * Stores conversations of one segment each, `from` to before `to`: some are longer than a page, all have
 * metadata.
 */
async function fill(backend: MaintainedBackend, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += 100) {
    await Promise.all(
      Array.from({ length: Math.min(100, to - n) }, (_, k) => {
        const change = storing(`conversation-${n + k}`, [longSegment((n + k) % 25 ? 120 : 4000, n + k)]);
        const metadata = { number: `${n + k}` };
        return backend.commit({
          ...change,
          put: { ...change.put!, spec: spec(`conversation-${n + k}`, { metadata }) },
        });
      }),
    );
  }
}

/** Deletes conversations whose number `picks`, and the segments that have no reference then. */
async function thinOut(
  backend: MaintainedBackend,
  end: number,
  picks: (n: number) => boolean,
): Promise<void> {
  const ids = Array.from({ length: end }, (_, n) => n).filter(picks);
  await Promise.all(ids.map((n) => backend.commit({ delete: { id: `conversation-${n}`, timeMs: 1_000 } })));
  const page = await backend.listGarbage({ limit: 100_000, garbageBeforeMs: Infinity });
  await backend.commit({
    collect: { keys: page.segments.map(({ key }) => key), garbageBeforeMs: Infinity },
  });
}

/** Shapes of a data file in its life. */
export const shapes: Readonly<Record<string, Shape>> = {
  'a new vault': async (folder) => {
    await (await openAt(folder)).close();
  },
  'one conversation, synced': async (folder) => {
    const backend = await openAt(folder, 'fsync');
    await backend.commit(storing('c', [longSegment(100, 1)]));
    await backend.close();
  },
  'some hundred conversations': async (folder) => {
    const backend = await openAt(folder);
    await fill(backend, 0, 400);
    await backend.close();
  },
  'thousands, most of them deleted, then some more': async (folder) => {
    const backend = await openAt(folder);
    await fill(backend, 0, 3000);
    await thinOut(backend, 3000, (n) => n % 10 !== 0);
    await fill(backend, 3000, 3200);
    await backend.close();
  },
  defragmented: async (folder) => {
    const backend = await openAt(folder);
    await fill(backend, 0, 1500);
    await thinOut(backend, 1500, (n) => n % 3 !== 0);
    await backend.defragment(new AbortController().signal);
    await backend.close();
  },
  'written under an old snapshot, which keeps pages from being used again': async (folder) => {
    const backend = await openAt(folder);
    await fill(backend, 0, 300);
    await backend.close();
    const environment = await Environment.open(folder, { sync: false });
    const held = environment.pin();
    const { meta, requests } = environment.tables;
    for (let n = 0; n < 400; n += 1) {
      await environment.write(() => {
        for (let k = 0; k < 40; k += 1)
          requests.put(Buffer.from(`${(n * 7919 + k * 104_729) % 5000}`), Buffer.alloc(300, n));
      });
    }
    held.release();
    await environment.write(() => requests.clear());
    await environment.write(() => meta.put(1000, Buffer.alloc(10)));
    await environment.write(() => meta.remove(1000));
    await environment.close();
  },
  'values that became shorter in the transaction that wrote them': async (folder) => {
    await (await openAt(folder)).close();
    const environment = await Environment.open(folder, { sync: false });
    const { requests } = environment.tables;
    await environment.write(() => {
      for (const bytes of [0, 10, 3000, 6000, 9000]) {
        requests.put(Buffer.from(`long, then ${bytes}`), Buffer.alloc(9000, 1));
        requests.put(Buffer.from(`long, then ${bytes}`), Buffer.alloc(bytes, 2));
      }
    });
    await environment.close();
  },
  'restored from a backup': async (folder) => {
    const source = `${folder}-source`;
    const backend = await openAt(source);
    await fill(backend, 0, 600);
    await thinOut(backend, 600, (n) => n % 2 === 0);
    const parts: Uint8Array[] = [];
    for await (const part of backend.backup(new AbortController().signal)) parts.push(part);
    await backend.close();
    const stream = (async function* () {
      yield* parts;
    })();
    await restoreLmdb({ folder, source: stream, codec: createLiveCodec(core) });
  },
  'a compact copy that nothing has written to': async (folder) => {
    await shapes['some hundred conversations']!(`${folder}-source`);
    const environment = await Environment.open(`${folder}-source`, { sync: false });
    await openAt(folder).then((backend) => backend.close());
    await environment.copyTo(join(folder, 'copy'), () => undefined);
    await environment.close();
    await rename(join(folder, 'copy'), dataFileIn(folder));
  },
};
