import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import {
  isComplete,
  salvageLmdb,
  type ManagedBackend,
  type SalvageReport,
} from '../../../src/storage/index.js';
import { checkDataFile } from '../../../src/storage/lmdb/data-file/check-data-file.js';
import { readNewestMeta } from '../../../src/storage/lmdb/data-file/meta-pages.js';
import { PageFile } from '../../../src/storage/lmdb/data-file/page-file.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { core, longSegment, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { openAt, shapes } from './shapes.js';
import { messagesOf } from '../../support/snapshots.js';

/** Every page in turn takes half a minute: by default only each third one is tried. */
const STEP = process.env['STOWKEN_ALL_FLIPS'] === '1' ? 1 : 3;

let folder: TemporaryFolder;
let original: Buffer;
let marker: Buffer;
/** Content of each conversation, as text. */
let stored: Map<string, string>;
/** Earlier conversations of the small vault, deleted since. */
let deleted: Map<string, string>;
let small: { bytes: Buffer; marker: Buffer; stored: Map<string, string> };
beforeAll(async () => {
  folder = await temporaryFolder();
  const vault = join(folder.path, 'made');
  await shapes['some hundred conversations']!(vault);
  ({ bytes: original, marker, stored } = await imageOf(vault));
  const other = join(folder.path, 'small');
  const backend = await openAt(other);
  for (let n = 0; n < 12; n++) await backend.commit(storing(`c${n}`, [longSegment(n % 3 ? 50 : 4000, n)]));
  const before = await everything(backend);
  await backend.commit({ delete: { id: 'c5', timeMs: 2_000 } });
  deleted = new Map([['c5', before.get('c5')!]]);
  await backend.close();
  small = await imageOf(other);
});
afterAll(() => folder.remove());

async function imageOf(vault: string) {
  const backend = await openAt(vault);
  const stored = await everything(backend);
  await backend.close();
  const [bytes, marker] = await Promise.all([
    readFile(join(vault, 'vault.mdb')),
    readFile(join(vault, 'VAULT')),
  ]);
  return { bytes, marker, stored };
}

/** Every conversation with its fields and the hashes that its frames really have. */
async function everything(backend: ManagedBackend): Promise<Map<string, string>> {
  const codec = createLiveCodec(core);
  const all = new Map<string, string>();
  const names = Array.from({ length: 400 }, (_, n) => [`conversation-${n}`, `c${n}`]).flat();
  for (const id of names) {
    const snapshot = await backend.openConversation(id);
    if (!snapshot) continue;
    const messages = [];
    for (const { segments, ...speaker } of await messagesOf(snapshot)) {
      const frames = await backend.readFrames(segments.map(({ key }) => key));
      messages.push({ ...speaker, hashes: frames.map((frame) => codec.hashOf(frame)) });
    }
    all.set(id, JSON.stringify({ ...snapshot.conversation, messages }));
    snapshot.release();
  }
  return all;
}

/**
 * Salvages these bytes; the source must be unchanged, and the content of the new vault intact and equal to
 * the stored one.
 */
async function salvaged(
  bytes: Buffer,
  image: { marker: Buffer; stored: Map<string, string> },
  what: string,
): Promise<{ report: SalvageReport; found: Map<string, string> }> {
  const from = join(folder.path, 'damaged');
  const to = join(folder.path, 'new');
  for (const each of [from, to]) await rm(each, { recursive: true, force: true });
  await mkdir(from);
  await writeFile(join(from, 'vault.mdb'), bytes);
  await writeFile(join(from, 'VAULT'), image.marker);
  const codec = () => createLiveCodec(core);
  const report = await salvageLmdb({ from, to, codec, nowMs: 5_000 });
  expect(digest(await readFile(join(from, 'vault.mdb'))), what).toBe(digest(bytes));
  expect((await readdir(from)).sort()).toEqual(['VAULT', 'vault.mdb']);
  expect((await readdir(to)).sort(), what).toEqual(['VAULT', 'vault.mdb']);
  expect(report.violations, what).toEqual([]);
  const backend = await openAt(to);
  expect(await backend.check(), what).toEqual([]);
  const found = await everything(backend);
  for (const [id, conversation] of found) {
    // A deleted one may reappear from an unreachable page: it is marked as such.
    const old = report.orphaned.conversations.includes(id) ? deleted : undefined;
    expect(conversation, `${what}: ${id}`).toBe(image.stored.get(id) ?? old?.get(id));
  }
  await backend.commit(storing('after', [longSegment(10, 9999)]));
  expect(await backend.check(), what).toEqual([]);
  await backend.close();
  return { report, found };
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const image = () => ({ marker, stored });

/** Returns the pages of the newest state, by kind. */
function pagesOf(bytes: Buffer): {
  readonly branches: number[];
  readonly main: number;
  readonly free: number;
} {
  const file = PageFile.open(join(folder.path, 'made', 'vault.mdb'));
  checkDataFile(file, { leaves: true });
  const { main, freeList } = readNewestMeta(file);
  file.close();
  const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, page) => page);
  const branches = pages.filter(
    (page) =>
      bytes.readUInt32LE(page * PAGE_BYTES) === page && bytes.readUInt16LE(page * PAGE_BYTES + 18) === 1,
  );
  return { branches, main: main.root!, free: freeList.root! };
}

describe('salvage', () => {
  it('of a whole vault loses nothing and changes nothing', async () => {
    const { report, found } = await salvaged(original, image(), 'whole');
    expect(isComplete(report)).toBe(true);
    expect(report.orphaned).toEqual({ conversations: [], records: {} });
    expect(report.vaultId).toBe(/id ([0-9a-f]{32})/.exec(marker.toString())![1]);
    expect(found).toEqual(stored);
  });

  it('finds all conversations when all branch pages, the list of tables and the free list are gone', async () => {
    const bytes = Buffer.from(original);
    const { branches, main, free } = pagesOf(original);
    expect(branches.length).toBeGreaterThan(2);
    for (const page of [...branches, main, free])
      bytes.fill(0xa5, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    const { report, found } = await salvaged(bytes, image(), 'no branches');
    expect(report.lost.pages.length).toBeGreaterThan(0);
    expect(report.orphaned.conversations.length).toBeGreaterThan(0);
    expect([...found.keys()].sort()).toEqual([...stored.keys()].sort());
  });

  it('finds all conversations when both meta pages are gone', async () => {
    const bytes = Buffer.from(original);
    bytes.fill(0, 0, 2 * PAGE_BYTES);
    const { found } = await salvaged(bytes, image(), 'no meta pages');
    expect([...found.keys()].sort()).toEqual([...stored.keys()].sort());
  });

  it('names the conversations that are lost, and keeps the others', async () => {
    const { bytes } = small;
    let lostSomething = 0;
    for (let page = 2; page < bytes.length / PAGE_BYTES; page += STEP) {
      const damaged = Buffer.from(bytes);
      damaged.fill(0xff, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      const { report, found } = await salvaged(damaged, small, `page ${page}`);
      const lost = [...small.stored.keys()].filter((id) => !found.has(id));
      if (lost.length > 0) lostSomething += 1;
      const named = new Set(report.lost.conversations.map(({ id }) => id));
      const unknown = report.lost.pages.some(({ table }) => table === 'ids' || table === 'strings');
      if (!unknown) for (const id of lost) expect(named.has(id), `page ${page}: ${id}`).toBe(true);
      if (lost.length > 0) expect(isComplete(report)).toBe(false);
    }
    expect(lostSomething).toBeGreaterThan(0);
  });

  it('works on a file that was cut, wherever', async () => {
    const { bytes } = small;
    const pages = bytes.length / PAGE_BYTES;
    let wholes = 0;
    for (let left = 0; left < pages; left += 3) {
      const { report, found } = await salvaged(
        bytes.subarray(0, left * PAGE_BYTES + 100),
        small,
        `${left} pages left`,
      );
      // Pages at the end may be free.
      const isWhole = [...small.stored.keys()].every((id) => found.has(id));
      if (isWhole) wholes += 1;
      else expect(isComplete(report), `${left} pages left`).toBe(false);
    }
    expect(wholes).toBeLessThan(pages / 3);
  });

  it('refuses a vault that a process has open, and a folder that is not empty', async () => {
    const from = join(folder.path, 'open');
    const backend = await openAt(from);
    const codec = () => createLiveCodec(core);
    const options = { from, to: join(folder.path, 'nowhere'), codec, nowMs: 1 };
    await expect(salvageLmdb(options)).rejects.toMatchObject({ reason: 'STORE_LOCKED' });
    expect(await backend.check()).toEqual([]);
    await backend.close();
    await expect(salvageLmdb({ ...options, to: from })).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });
});
