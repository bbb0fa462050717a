import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessagePacker, PackedMessages } from '../../src/storage/index.js';
import { asHash } from '../support/hashes.js';

const label = fc.string({ unit: 'binary', maxLength: 20 });
const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => asHash(Buffer.from(bytes).toString('hex')));
const record = fc.record({
  role: label,
  name: label,
  toolCallId: label,
  segments: fc.array(fc.record({ hash, tokenCount: fc.integer({ min: 0, max: 2 ** 40 }) }), { maxLength: 5 }),
});

describe('packed messages', () => {
  it('are what was packed, as often as they are gone over, also in another process', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 50 }), (records) => {
        const packer = new MessagePacker();
        for (const each of records) packer.add(each);
        const packed = packer.finish();
        const { blocks, length } = structuredClone(packed) as Pick<PackedMessages, 'blocks' | 'length'>;
        expect(packed.length).toBe(records.length);
        expect([...packed]).toEqual(records);
        expect([...packed]).toEqual(records);
        expect([...new PackedMessages(blocks, length)]).toEqual(records);
      }),
    );
  });

  it('go over the borders of blocks, and may be longer than one', () => {
    const packer = new MessagePacker();
    const records = Array.from({ length: 5000 }, (_, n) => ({
      role: 'user',
      name: '',
      toolCallId: n === 2500 ? 'x'.repeat(200_000) : `call-${n}`,
      segments: [{ hash: asHash(n.toString(16).padStart(64, '0')), tokenCount: n }],
    }));
    for (const each of records) {
      const told = packer.bytesWith(each);
      packer.add(each);
      expect(told).toBeGreaterThanOrEqual(packer.bytes);
    }
    expect([...packer.finish()]).toEqual(records);
  });
});
