import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import {
  decodeGroup,
  decodeRow,
  encodeGroup,
  firstNodeOf,
  groupKeyOf,
  type NodeRow,
} from '../../../src/storage/lmdb/radix/node-group.js';
import { conversationNumber, nodeId } from './ids.js';

const row = fc.oneof(
  fc.constant(undefined),
  fc
    .record({
      parent: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
      start: fc.nat(2 ** 20),
      blocks: fc.uint8Array({ minLength: 1, maxLength: 128 }),
      ending: fc.option(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { nil: undefined }),
    })
    .map(({ parent, start, blocks, ending }) => ({
      parent: nodeId(parent),
      start: parent === 0 ? 0 : start,
      blocks: Buffer.concat([blocks, blocks, blocks, blocks]),
      ...(ending !== undefined && { ending: conversationNumber(ending) }),
    })),
);
const key = fc.integer({ min: 1, max: 2 ** 31 - 1 }).map((node) => groupKeyOf(nodeId(node)));
const rows = fc.array(row, { maxLength: 15 });

const plain = (each: readonly NodeRow[]) =>
  each.map((node) => node && { ...node, blocks: Buffer.from(node.blocks).toString('hex') });
const upToLast = (each: readonly NodeRow[]) => each.slice(0, each.findLastIndex((node) => node) + 1);

describe('a group of nodes of the prefix index', () => {
  it('gives back its nodes, under the key that their numbers lead to', () => {
    fc.assert(
      fc.property(key, rows, (group, nodes) => {
        const record = encodeGroup(group, nodes);
        expect(plain(decodeGroup(group, record))).toEqual(plain(upToLast(nodes)));
        expect(plain(nodes.map((_, at) => decodeRow(group, record, at)))).toEqual(plain(nodes));
        for (let at = 0; at < 16; at++) expect(groupKeyOf(nodeId(firstNodeOf(group) + at))).toBe(group);
      }),
    );
  });

  it('that is altered, cut off or longer gives nodes or CORRUPT_STORE', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(key, rows, damage, fc.integer({ min: -9, max: 9 }), (group, nodes, bytes, longer) => {
        const record = Buffer.from(encodeGroup(group, nodes));
        const altered = Buffer.alloc(Math.max(0, record.length + longer));
        record.copy(altered);
        for (const [at, byte] of bytes) if (altered.length > 0) altered[at % altered.length] = byte;
        try {
          for (const node of decodeGroup(group, altered))
            if (node) expect(node.blocks.length % 4 === 0 && node.blocks.length > 0).toBe(true);
        } catch (error) {
          expect(isStowkenError(error, 'CORRUPT_STORE')).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
