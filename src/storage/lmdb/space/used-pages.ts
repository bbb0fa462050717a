import { type Meta, META_PAGES } from '../data-file/meta-pages.js';
import { type PageFile, PageSet } from '../data-file/page-file.js';
import {
  checkOverflowHeader,
  HEADER_BYTES,
  assertIntact,
  nodeKinds,
  readNumber,
  TreePage,
} from '../data-file/tree-page.js';
import { PAGE_BYTES } from '../tables/layout.js';
import type { BackgroundTurns } from '../../shared/background.js';

/** Bytes of a page in use that mean nothing: [from, to) of the file. */
export type Unused = (from: number, to: number) => void;

/**
 * Walks every tree of one state and reports the bytes of its pages that nothing reads: the room between a
 * page's pointers and its nodes, where LMDB leaves what it has deleted; the rest of a long value's last page;
 * the rest of a record of the free list. Returns the pages in use.
 *
 * The state must be pinned: its pages stay as they are then, and others may write meanwhile.
 * @throws PageDamage
 */
export async function walkUsedPages(
  file: PageFile,
  meta: Meta,
  unused: Unused,
  turns: BackgroundTurns,
): Promise<PageSet> {
  const used = new PageSet(meta.lastPage + 1);
  const reach = (page: number, count: number, from: number): void => {
    for (let number = page; number < page + count; number += 1)
      assertIntact(
        used.add(number),
        from,
        () => `leads to page ${number}, which is in use already or is not there`,
      );
  };
  for (let page = 0; page < META_PAGES; page += 1) used.add(page);
  const pending: { readonly page: number; readonly isFreeList: boolean }[] = [];
  const push = (root: number | undefined, isFreeList: boolean): void => {
    if (root === undefined) return;
    reach(root, 1, meta.transaction % META_PAGES);
    pending.push({ page: root, isFreeList });
  };
  push(meta.freeList.root, true);
  push(meta.main.root, false);
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { page: number, isFreeList } = next;
    const bytes = file.read(number);
    const page = TreePage.decode(bytes, number);
    const start = number * PAGE_BYTES;
    unused(start + HEADER_BYTES + bytes.readUInt16LE(20), start + HEADER_BYTES + bytes.readUInt16LE(22));
    for (let index = 0; index < page.count; index += 1) {
      if (!page.isLeaf) {
        reach(page.child(index), 1, number);
        pending.push({ page: page.child(index), isFreeList });
        continue;
      }
      const kind = page.nodeKind(index);
      if (kind === nodeKinds.tree) push(page.treeRecord(index).root, false);
      else if (kind === nodeKinds.place) {
        const place = page.place(index);
        reach(place.page, place.pages, number);
        const first = file.read(place.page);
        checkOverflowHeader(first, place);
        const value = place.page * PAGE_BYTES + HEADER_BYTES;
        const read = isFreeList
          ? entriesBytes(first.subarray(HEADER_BYTES), place.bytes, number)
          : place.bytes;
        unused(value + read, (place.page + place.pages) * PAGE_BYTES);
      } else if (isFreeList) {
        const value = page.value(index);
        const at = start + (value.byteOffset - bytes.byteOffset);
        unused(at + entriesBytes(value, value.length, number), at + value.length);
      }
    }
    if (turns.due) await turns.pause();
  }
  return used;
}

/** Returns the bytes that a record of the free list uses of those that it has. */
function entriesBytes(record: Buffer, bytes: number, page: number): number {
  const used = 8 * (1 + readNumber(record, 0));
  assertIntact(used <= bytes, page, () => 'a record of the free list is longer than its value');
  return used;
}
