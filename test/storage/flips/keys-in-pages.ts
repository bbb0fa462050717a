import { readNewestMeta } from '../../../src/storage/lmdb/data-file/meta-pages.js';
import { PageFile } from '../../../src/storage/lmdb/data-file/page-file.js';
import { nodeKinds, type TreePage } from '../../../src/storage/lmdb/data-file/tree-page.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';

/** Bytes of the data file by which records are found. */
export interface KeyPlace {
  readonly table: string;
  /**
   * Kind of place: a key of a leaf or of a branch; or the part of a leaf with the number of its nodes and
   * their places.
   */
  readonly what: 'leaf' | 'branch' | 'header';
  readonly at: number;
  readonly bytes: number;
}

/** Offset of a page's number of nodes, and of the pointers to them. */
const LOWER_AT = 20;
const POINTERS_AT = 24;

/** Returns every key on the pages of a data file, table by table, and the headers of its leaves. */
export function keysIn(path: string): KeyPlace[] {
  const file = PageFile.open(path);
  const places: KeyPlace[] = [];
  try {
    const walk = (table: string, number: number, visitLeaf?: (page: TreePage) => void) => {
      const bytes = Buffer.alloc(PAGE_BYTES);
      const page = file.treePage(number, bytes);
      const start = number * PAGE_BYTES;
      // The first key of a branch is not used.
      for (let index = page.isLeaf ? 0 : 1; index < page.count; index += 1) {
        const key = page.key(index);
        const at = start + key.byteOffset - bytes.byteOffset;
        places.push({ table, what: page.isLeaf ? 'leaf' : 'branch', at, bytes: key.length });
      }
      if (page.isLeaf) {
        places.push({ table, what: 'header', at: start + LOWER_AT, bytes: 2 });
        places.push({ table, what: 'header', at: start + POINTERS_AT, bytes: 2 * page.count });
        visitLeaf?.(page);
      } else for (let index = 0; index < page.count; index += 1) walk(table, page.child(index), visitLeaf);
    };
    const roots: [table: string, root: number][] = [];
    walk('tables', readNewestMeta(file).main.root!, (page) => {
      for (let index = 0; index < page.count; index += 1) {
        if (page.nodeKind(index) !== nodeKinds.tree) continue;
        const { root } = page.treeRecord(index);
        if (root !== undefined) roots.push([page.key(index).toString('utf8').replace('\0', ''), root]);
      }
    });
    for (const [table, root] of roots) walk(table, root);
    return places;
  } finally {
    file.close();
  }
}
