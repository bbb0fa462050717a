import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits, readAttachmentIndex, writeAttachmentIndex } from '../../src/model/index.js';
import { randomFrom } from '../support/random.js';
import { collectAll, openTestVault, partsOf, say, signal, spec, type TestVault } from '../support/vault.js';

let t: TestVault;
beforeEach(async () => (t = await openTestVault()));
afterEach(() => t.close());

function randomBytes(size: number, seed: number): Buffer {
  const random = randomFrom(seed);
  return Buffer.from(Array.from({ length: size }, () => random.below(256)));
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const infoOf = (bytes: Uint8Array) => ({ sha256: sha256(bytes), sizeBytes: bytes.length });
const fields = Buffer.from('{"a":1}');

async function described(id: string) {
  const messages = [];
  for await (const part of partsOf(t.vault.retrieve({ id, encoding: 'tokens', includeFields: true }, signal)))
    if (part.kind === 'chunk' && part.message)
      messages.push({ fieldsJson: part.message.fieldsJson, attachments: part.message.attachments });
  return messages;
}

async function bytesOf(id: string, messageIndex: number, index: number) {
  const [info, ...pieces] = await collectAll(t.vault.attachment({ id, messageIndex, index }, signal));
  const bytes = Buffer.concat(pieces as Uint8Array[]);
  expect(info).toEqual(infoOf(bytes));
  return bytes;
}

describe('attachments', () => {
  const part = limits.attachmentPartBytes;
  const sizes = [0, 1, 3, 4, 5, 4096, part - 1, part, part + 1, 2 * part + 7];

  it('come back byte by byte, whatever their size, beside fields or without', async () => {
    const all = sizes.map((size, seed) => randomBytes(size, seed));
    const messages = [
      { ...say('user', [1, 2]), fields, attachments: all },
      say('assistant', [3]),
      { ...say('user', []), attachments: [all[4]!] },
      { ...say('user', [4]), fields },
    ];
    await t.vault.store({ spec: spec('a'), messages }, signal);
    expect(await described('a')).toEqual([
      { fieldsJson: '{"a":1}', attachments: all.map(infoOf) },
      { fieldsJson: undefined, attachments: undefined },
      { fieldsJson: undefined, attachments: [infoOf(all[4]!)] },
      { fieldsJson: '{"a":1}', attachments: undefined },
    ]);
    for (const [index, bytes] of all.entries())
      expect((await bytesOf('a', 0, index)).equals(bytes)).toBe(true);
    expect(await bytesOf('a', 2, 0)).toEqual(all[4]);
    const { totalTokens } = await t.vault.get('a');
    expect(totalTokens).toBe(4);
  });

  it('are stored once, under the hash of their bytes, and collected with their last message', async () => {
    const image = randomBytes(300_000, 7);
    const message = { ...say('user', [1]), attachments: [image] };
    await t.vault.store({ spec: spec('a'), messages: [message] }, signal);
    const before = await t.vault.stats();
    await t.vault.store({ spec: spec('b'), messages: [message, say('user', [2])] }, signal);
    await t.vault.append({ id: 'a', messages: [message] }, signal);
    const after = await t.vault.stats();
    expect(after.segmentBytes - before.segmentBytes).toBeLessThan(200);
    expect(before.segmentBytes).toBeLessThan(image.length + 200);
    expect(await t.vault.hasSegments([sha256(image) as never])).toMatchObject([{ kind: 'stored' }]);
    expect((await bytesOf('a', 1, 0)).equals(image)).toBe(true);
    await t.vault.delete('a', { allowMissing: false });
    await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
    expect((await bytesOf('b', 0, 0)).equals(image)).toBe(true);
    await t.vault.delete('b', { allowMissing: false });
    await collectAll(t.vault.collectGarbage({ dryRun: false, minAgeMs: 0 }, signal));
    expect((await t.vault.stats()).segments).toBe(0);
  });

  it('of an upload arrive in blocks', async () => {
    const [one, two] = [randomBytes(part + 5, 1), randomBytes(3, 2)];
    async function* parts() {
      yield { kind: 'message', speaker: say('user', []), fields } as const;
      for (let at = 0; at < one.length; at += 100_000)
        yield { kind: 'attachment', begins: at === 0, bytes: one.subarray(at, at + 100_000) } as const;
      yield { kind: 'tokens', content: { kind: 'le32', bytes: Buffer.from([1, 0, 0, 0]) } } as const;
      yield { kind: 'attachment', begins: true, bytes: two } as const;
      yield { kind: 'finish', totalTokens: 1 } as const;
    }
    const uploaded = await t.vault.upload({ spec: spec('a') }, parts(), signal);
    expect(await described('a')).toEqual([
      { fieldsJson: '{"a":1}', attachments: [infoOf(one), infoOf(two)] },
    ]);
    expect((await bytesOf('a', 0, 0)).equals(one)).toBe(true);
    // A store of the same is the same.
    const messages = [{ ...say('user', [1]), fields, attachments: [one, two] }];
    const stored = await t.vault.store({ spec: spec('a'), messages }, signal);
    expect(stored).toMatchObject({ unchanged: true, conversation: uploaded.conversation });
  });

  it('are refused by number and size', async () => {
    await t.vault.store({ spec: spec('a'), messages: [say('user', [1])] }, signal);
    await expect(bytesOf('a', 0, 0)).rejects.toMatchObject({
      reason: 'RANGE_PAST_END',
      metadata: { field: 'attachment_index' },
    });
    await expect(bytesOf('a', 1, 0)).rejects.toMatchObject({ metadata: { field: 'message_index' } });
    await expect(bytesOf('b', 0, 0)).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    async function* parts() {
      yield { kind: 'message', speaker: say('user', []) } as const;
      yield { kind: 'attachment', begins: false, bytes: Buffer.from('a') } as const;
    }
    await expect(t.vault.upload({ spec: spec('b') }, parts(), signal)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { field: 'attachment.begins' },
    });
  });

  it('survive compaction, and nothing is trained on them', async () => {
    const image = randomBytes(100_000, 3);
    for (let n = 0; n < 40; n++) {
      const text = Array.from({ length: 300 }, (_, at) => (at * 7 + n) % 500);
      await t.vault.store(
        { spec: spec(`c${n}`), messages: [{ ...say('user', text), attachments: n === 0 ? [image] : [] }] },
        signal,
      );
    }
    const input = { dryRun: false, minSavingsRatio: 0, resumeToken: '' };
    const unlimited = { segmentsMax: undefined, bytesMax: undefined, timeMsMax: undefined };
    const parts = await collectAll(t.vault.compact({ ...input, ...unlimited }, signal));
    expect(parts.at(-1)).toMatchObject({ kind: 'summary' });
    expect((await bytesOf('c0', 0, 0)).equals(image)).toBe(true);
  });

  it('have an index of these bytes', () => {
    const entries = [{ sha256: sha256(Buffer.from('a')), sizeBytes: 2 ** 32 + 5, parts: 3 }];
    const index = writeAttachmentIndex(entries);
    expect(index.toString('hex')).toBe(
      'edc47aa7010000000100000000000000' +
        '05000000010000000300000000000000' +
        'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb',
    );
    expect(readAttachmentIndex(index)).toEqual(entries);
    expect(readAttachmentIndex(index.subarray(0, 60))).toBeUndefined();
    expect(readAttachmentIndex(Buffer.alloc(64))).toBeUndefined();
  });
});
