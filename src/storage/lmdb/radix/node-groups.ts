import { assert } from '../../../model/index.js';
import { RADIX_NODES_PER_GROUP } from '../tables/layout.js';
import type { NodeId } from '../tables/ids.js';
import type { Table } from '../tables/table.js';
import {
  decodeGroup,
  decodeRow,
  encodeGroup,
  FIRST_GROUP_KEY,
  firstNodeOf,
  groupKeyOf,
  type NodeRow,
} from './node-group.js';
import { decodeRadixNode, type RadixNode } from './nodes.js';

/** Groups that stay in memory while a transaction or a stretch of reading goes on. */
const GROUPS_MAX = 1024;

interface Group {
  readonly key: number;
  /** The record; undefined if there is none. */
  readonly record: Uint8Array | undefined;
  /** Nodes in their rows: those that were asked for, or all of them if it is `whole`. */
  rows: NodeRow[];
  whole: boolean;
  changed: boolean;
}

/**
 * Nodes of the prefix index by their numbers; sixteen share a record. A node that an earlier format stored
 * alone goes to its group when it is written. For one stretch of reading or one write transaction, which ends
 * with flush().
 */
export class NodeGroups {
  readonly #groups = new Map<number, Group>();
  /** True if there are nodes that are stored alone; undefined: not looked up yet. */
  #hasSingle: boolean | undefined;
  #next: number | undefined;

  constructor(readonly table: Table<number>) {}

  /** @throws StowkenError CORRUPT_STORE */
  get(number: NodeId): RadixNode | undefined {
    const row = rowOf(this.#group(number), number % RADIX_NODES_PER_GROUP);
    if (row || !this.#singles()) return row;
    const record = this.table.get(number);
    return record && decodeRadixNode(record);
  }

  /** Sets a node; undefined: there is none. */
  set(number: NodeId, node: NodeRow): void {
    assert(number > 0 && number < FIRST_GROUP_KEY, 'nodes have numbers from 1 to 2^31', number);
    const group = whole(this.#group(number));
    group.rows[number % RADIX_NODES_PER_GROUP] = node;
    group.changed = true;
    if (this.#singles() && this.table.has(number)) this.table.remove(number);
  }

  /** Returns a number above those of all nodes. */
  next(): NodeId {
    this.#next ??= 1 + Math.max(this.#lastInGroups(), this.table.keyBefore(FIRST_GROUP_KEY) ?? 0);
    return this.#next++ as NodeId;
  }

  /** Writes buffered changes. */
  flush(): void {
    const changed = [...this.#groups.values()].filter((group) => group.changed);
    for (const { key, record: stored, rows } of changed.sort((a, b) => a.key - b.key)) {
      const record = encodeGroup(key, Array.from(rows));
      if (record.length === 0) {
        if (stored) this.table.remove(key);
      } else if (stored) this.table.put(key, record);
      else this.table.putNew(key, record);
    }
    this.#groups.clear();
    this.#next = undefined;
  }

  #lastInGroups(): number {
    const key = this.table.lastKey() ?? 0;
    return key < FIRST_GROUP_KEY ? 0 : firstNodeOf(key) + whole(this.#groupAt(key)).rows.length - 1;
  }

  #singles(): boolean {
    return (this.#hasSingle ??= (this.table.firstKey() ?? FIRST_GROUP_KEY) < FIRST_GROUP_KEY);
  }

  #group(number: NodeId): Group {
    return this.#groupAt(groupKeyOf(number));
  }

  #groupAt(key: number): Group {
    return this.#groups.get(key) ?? this.#read(key);
  }

  #read(key: number): Group {
    if (this.#groups.size >= GROUPS_MAX) this.flush();
    const record = this.table.get(key);
    const group: Group = { key, record, rows: [], whole: record === undefined, changed: false };
    this.#groups.set(key, group);
    return group;
  }
}

function rowOf(group: Group, at: number): NodeRow {
  const { key, record, rows } = group;
  return rows[at] ?? (group.whole || !record ? undefined : (rows[at] = decodeRow(key, record, at)));
}

function whole(group: Group): Group {
  if (!group.whole && group.record) group.rows = decodeGroup(group.key, group.record);
  group.whole = true;
  return group;
}
