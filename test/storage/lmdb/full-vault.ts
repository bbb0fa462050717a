import { afterEach, beforeEach } from 'vitest';
import { createLiveCodec, trainHere } from '../../../src/codec/index.js';
import {
  type Change,
  type MaintainedBackend,
  type NewSegment,
  openLmdbBackend,
} from '../../../src/storage/index.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import type { Table } from '../../../src/storage/lmdb/tables/table.js';
import { sampleSegments } from '../../codec/samples.js';
import { longList, puttingList } from '../../contract/long-lists.js';
import { core, longSegment, message, segment, spec, storing } from '../../contract/support.js';
import { temporaryFolder } from '../faults/support.js';

/** Segments in the order of their ids, which begin at 1. The first has two blocks of a prefix. */
const [alone, kept, garbage, held] = [600, 20, 30, 40].map((count) => longSegment(count, 1)) as [
  NewSegment,
  NewSegment,
  NewSegment,
  NewSegment,
];
export { garbage, held, kept };
/** Long enough for every registry to beat varints. */
const coded = segment(...sampleSegments(300, 1).find(({ length }) => length >= 30)!);
export const [ALONE, GARBAGE, HELD, CODED] = [1, 3, 4, 5] as const;
const registry = trainHere(
  core.module,
  sampleSegments(300, 1).map((tokens) => core.fromTokens(tokens)),
  { id: 1 },
);
/** The first conversation's two blocks of a prefix, and another's that shares the first. */
export const prefix = Buffer.of(1, 1, 1, 1, 2, 2, 2, 2);
export const otherPrefix = Buffer.of(1, 1, 1, 1, 3, 3, 3, 3);

export const references = (count: number, { hash }: NewSegment) =>
  Array.from({ length: count }, (_, n) => ({ hash, holder: `holder ${n}` }));

export const deleting = (id: string): Change => ({ delete: { id, timeMs: 2_000 } });

/** A vault with a record of almost every kind, and ways to work on its tables past the storage. */
export interface FullVault {
  backend: MaintainedBackend;
  /** Opens the vault once more, after `backend` was closed. */
  open(): Promise<void>;
  /** Works on the tables while the vault is closed, past every rule but the checksums. */
  inTables<T>(action: (tables: Tables) => T): Promise<T>;
  /** Returns every record of the vault but its owner's name. */
  everything(): Promise<string[]>;
}

/** Creates such a vault for each test of a file. */
export function useFullVault(): FullVault {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let codec: ReturnType<typeof createLiveCodec>;
  const vault: FullVault = {
    backend: undefined as unknown as MaintainedBackend,
    async open() {
      codec = createLiveCodec(core);
      const options = { folder: folder.path, codec, clock: () => 5_000, durability: 'relaxed' } as const;
      vault.backend = await openLmdbBackend(options);
    },
    async inTables(action) {
      await vault.backend.close();
      const environment = await Environment.open(folder.path, { sync: false });
      const result = await environment.write(() => action(environment.tables));
      await environment.close();
      await vault.open();
      return result;
    },
    everything: () => vault.inTables(recordsOf),
  };
  beforeEach(async () => {
    folder = await temporaryFolder();
    await vault.open();
    await fill(vault.backend, codec);
  });
  afterEach(async () => {
    await vault.backend.close();
    await folder.remove();
  });
  return vault;
}

async function fill(backend: MaintainedBackend, codec: ReturnType<typeof createLiveCodec>): Promise<void> {
  await backend.commit({
    newSegments: [alone, kept],
    put: {
      spec: spec('first', { application: 'app', model: 'model' }),
      messages: [message('user', alone), message('user', kept)],
      expect: { kind: 'absentOrSame' },
      timeMs: 1_000,
      prefix,
    },
  });
  await backend.commit({ newSegments: [garbage] });
  await backend.commit({ newSegments: [held], addReferences: references(300, held) });
  await backend.commit({ putRegistry: { bytes: registry, timeMs: 1_000 } });
  await backend.commit({ newSegments: [{ ...coded, frame: codec.encode(codec.decode(coded.frame)) }] });
  await backend.commit(puttingList('long', longList(2_000)));
  await backend.commit(storing('last', [kept]));
}

function recordsOf(tables: Tables): string[] {
  return Object.values(tables as unknown as Record<string, Table<number | Buffer>>).flatMap((table) =>
    [...table.range()]
      .filter(({ key }) => table.name !== 'meta' || key !== 3)
      .map(({ key, value }) => {
        const name = typeof key === 'number' ? key : key.toString('hex');
        return `${table.name} ${name} ${Buffer.from(value).toString('hex')}`;
      }),
  );
}
