import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import { checkDataFile } from '../../../src/storage/lmdb/data-file/check-data-file.js';
import { readNewestMeta } from '../../../src/storage/lmdb/data-file/meta-pages.js';
import { PageFile } from '../../../src/storage/lmdb/data-file/page-file.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { storing, longSegment } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { openAt, shapes } from './shapes.js';

/** All flips take minutes: by default only every n-th is tried, beginning at a place that the seed sets. */
const everything = process.env['STOWKEN_ALL_FLIPS'] === '1';
const SAMPLE = 90;
const SEED = Number(process.env['STOWKEN_SEED'] ?? 20_261_128);

/** A vault as bytes, and how many conversations it has. */
interface Image {
  readonly bytes: Buffer;
  readonly marker: Buffer;
  readonly conversations: number;
}

let folder: TemporaryFolder;
let hundreds: Image;
let small: Image;
beforeAll(async () => {
  folder = await temporaryFolder();
  const vault = join(folder.path, 'made');
  await shapes['some hundred conversations']!(vault);
  hundreds = await imageOf(vault, 400);
  const other = join(folder.path, 'small');
  const backend = await openAt(other);
  for (let n = 0; n < 12; n++) await backend.commit(storing(`c${n}`, [longSegment(n % 3 ? 50 : 4000, n)]));
  await backend.close();
  small = await imageOf(other, 12);
});
afterAll(() => folder.remove());

async function imageOf(vault: string, conversations: number): Promise<Image> {
  const [bytes, marker] = await Promise.all([
    readFile(join(vault, 'vault.mdb')),
    readFile(join(vault, 'VAULT')),
  ]);
  return { bytes, marker, conversations };
}

/**
 * Writes a vault with these bytes, opens it, and returns whether it was refused; it must be refused, or
 * right.
 */
async function refusedOrRight(
  { marker, conversations }: Image,
  bytes: Buffer,
  what: string,
): Promise<boolean> {
  const vault = join(folder.path, 'tried');
  await rm(vault, { recursive: true, force: true });
  await mkdir(vault);
  await writeFile(join(vault, 'vault.mdb'), bytes);
  await writeFile(join(vault, 'VAULT'), marker);
  let backend;
  try {
    backend = await openAt(vault);
  } catch (error) {
    expect(isStowkenError(error, 'CORRUPT_STORE'), `${what}: ${String(error)}`).toBe(true);
    expect((error as Error).message).toMatch(/stowken salvage .*tried --to NEW/);
    const after = await readFile(join(vault, 'vault.mdb'));
    expect(digest(after), `${what}: the file was changed`).toBe(digest(bytes));
    expect((await readdir(vault)).sort()).toEqual(['VAULT', 'vault.mdb']);
    return true;
  }
  expect(await backend.check(), what).toEqual([]);
  expect((await backend.stats()).conversations, what).toBe(conversations);
  await backend.commit(storing('new', [longSegment(10, 999)]));
  await backend.close();
  return false;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Returns the offsets of bytes that refer to pages: meta pages, headers of all pages, branches, lists of free
 * pages and tables.
 */
function leadingBytes({ bytes }: Image, path: string): number[] {
  const file = PageFile.open(path);
  const { freeList, main } = readNewestMeta(file);
  file.close();
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    const page = at / PAGE_BYTES;
    // Bytes inside a long value are not a page of their own.
    if (bytes.readUInt32LE(at) !== page) continue;
    const isBranch = bytes.readUInt16LE(at + 18) === 1;
    const isWhole = isBranch || page === freeList.root || page === main.root;
    const lower = bytes.readUInt16LE(at + 20);
    const upper = bytes.readUInt16LE(at + 22);
    const length = page < 2 ? 168 : isWhole ? PAGE_BYTES : 24;
    for (let byte = 0; byte < length; byte++) {
      const isFree = isWhole && byte >= 24 + lower && byte < 24 + upper;
      if (!isFree) offsets.push(at + byte);
    }
  }
  return offsets;
}

describe('a data file with one bit flipped', () => {
  it('is refused, its bytes as they were, or opened and right', async () => {
    const offsets = leadingBytes(hundreds, join(folder.path, 'made', 'vault.mdb'));
    const step = everything ? 1 : Math.floor(offsets.length / SAMPLE);
    let refused = 0;
    let tried = 0;
    for (let index = everything ? 0 : SEED % step; index < offsets.length; index += step) {
      const at = offsets[index]!;
      const bit = (index * 7 + SEED) % 8;
      const bytes = Buffer.from(hundreds.bytes);
      bytes[at]! ^= 1 << bit;
      const what = `seed ${SEED}: page ${Math.floor(at / PAGE_BYTES)}, byte ${at % PAGE_BYTES}, bit ${bit}`;
      tried += 1;
      if (await refusedOrRight(hundreds, bytes, what)) refused += 1;
    }
    expect(tried).toBeGreaterThanOrEqual(SAMPLE);
    // Pages that are free now have headers too, which nobody reads.
    expect(refused).toBeGreaterThan(tried / 3);
  }, 3_600_000);

  /** Each of these ended the process, or gave a wrong answer. */
  it.each([
    ['the magic of the first meta page', 24, 0x01],
    ['the magic of the second meta page', 4096 + 24, 0x01],
    ["the newest meta page's main root", 'newest+136', 0x20],
    ["the newest meta page's free list's root", 'newest+88', 0x20],
    ["the newest meta page's main root, far beyond the end", 'newest+141', 0x40],
    ["the newest meta page's last page", 'newest+144', 0x80],
    ["the newest meta page's transaction", 'newest+153', 0x10],
    ['the page size', 'newest+49', 0x10],
    ["the main root's kind", 'main+18', 0x03],
    ["the main root's end of pointers", 'main+20', 0x02],
    ["the main root's beginning of nodes", 'main+22', 0x02],
    ['a pointer to a node', 'main+24', 0x04],
    ["the free list's first record", 'free+4080', 0x7f],
  ] as const)('is refused: %s', async (_, place, mask) => {
    const path = join(folder.path, 'made', 'vault.mdb');
    const file = PageFile.open(path);
    const { transaction, main, freeList } = readNewestMeta(file);
    file.close();
    const bases: Record<string, number> = {
      newest: (transaction % 2) * PAGE_BYTES,
      main: main.root! * PAGE_BYTES,
      free: freeList.root! * PAGE_BYTES,
    };
    const [base = '', offset = ''] = typeof place === 'number' ? [] : place.split('+');
    const at = typeof place === 'number' ? place : bases[base]! + Number(offset);
    const bytes = Buffer.from(hundreds.bytes);
    bytes[at]! ^= mask;
    expect(await refusedOrRight(hundreds, bytes, `${place}`)).toBe(true);
  });

  it('is refused when a branch leads to another whole page, or twice to the same', async () => {
    const { bytes } = hundreds;
    const branch = bytes.length / PAGE_BYTES - 1;
    const branches = Array.from({ length: branch }, (_, page) => page).filter(
      (page) =>
        bytes.readUInt16LE(page * PAGE_BYTES + 18) === 1 && bytes.readUInt32LE(page * PAGE_BYTES) === page,
    );
    let refused = 0;
    for (const page of branches) {
      const changed = Buffer.from(bytes);
      const at = page * PAGE_BYTES + 24;
      const [first, second] = [24, 26].map((offset) => at + changed.readUInt16LE(page * PAGE_BYTES + offset));
      changed.writeUInt16LE(changed.readUInt16LE(first), second);
      if (await refusedOrRight(hundreds, changed, `branch ${page}`)) refused += 1;
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describe('a data file that was cut off', () => {
  it('at any page is refused, its bytes as they were, or opened and right', async () => {
    const pages = small.bytes.length / PAGE_BYTES;
    let refused = 0;
    for (let left = 1; left < pages; left++) {
      const bytes = small.bytes.subarray(0, left * PAGE_BYTES - (left % 2) * 100);
      if (await refusedOrRight(small, bytes, `${left} of ${pages} pages`)) refused += 1;
    }
    expect(refused).toBeGreaterThan(pages / 2);
  });

  it('behind the last page in use is whole: pages that are free need not be there', async () => {
    const { bytes } = small;
    const path = join(folder.path, 'small', 'vault.mdb');
    const file = PageFile.open(path);
    const { pages } = checkDataFile(file, { leaves: true });
    file.close();
    // More pages than the newest state has: an aborted transaction wrote them.
    const longer = Buffer.concat([
      bytes.subarray(0, pages * PAGE_BYTES),
      Buffer.alloc(3 * PAGE_BYTES + 17, 0xee),
    ]);
    expect(await refusedOrRight(small, longer, 'longer')).toBe(false);
  });

  it('without both meta pages is refused', async () => {
    const bytes = Buffer.from(small.bytes);
    bytes.fill(0, 0, 2 * PAGE_BYTES);
    expect(await refusedOrRight(small, bytes, 'no meta pages')).toBe(true);
  });
});
