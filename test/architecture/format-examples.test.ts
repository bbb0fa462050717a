import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { createCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import { encodeHeader } from '../../src/storage/lmdb/conversations/manifest.js';
import { MessageEncoder } from '../../src/storage/lmdb/conversations/message-list.js';
import { encodePack } from '../../src/storage/lmdb/packs/pack.js';
import { encodeGroup, FIRST_GROUP_KEY } from '../../src/storage/lmdb/radix/node-group.js';
import { encodeCounts } from '../../src/storage/lmdb/segments/count-chunk.js';
import { encodeIndexChunk } from '../../src/storage/lmdb/segments/index-chunk.js';
import { encodeGarbage } from '../../src/storage/lmdb/segments/ref-counts.js';
import { encodeBoundedChunk } from '../../src/storage/lmdb/tables/bounded-chunk.js';
import { RecordChecksum } from '../../src/storage/lmdb/tables/checksum.js';
import { encodeKeyChunk } from '../../src/storage/lmdb/tables/key-chunk.js';
import { conversationNumber, nodeId, segmentId } from '../storage/lmdb/ids.js';
import type { StringCode } from '../../src/storage/lmdb/tables/ids.js';

const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/formats/README.md'), 'utf8');
const core = await loadCore();

/** Codes of the strings in the examples. */
const codes: Record<string, number> = { user: 2, assistant: 3, 'gpt-4o': 4, o200k_base: 5, agents: 6 };
const strings = { codeOf: (name: string) => codes[name] as StringCode | undefined };

const run = core.fromTokens(Uint32Array.of(12194, 0));
const conversation = {
  id: 'run-1',
  application: 'agents',
  model: 'gpt-4o',
  tokenizer: 'o200k_base',
  parentId: '',
  expireTimeMs: undefined,
  metadata: { task: '7' },
  revision: 2,
  totalTokens: 203,
  messageCount: 2,
  createTimeMs: 1_700_000_000_000,
  storeTimeMs: 1_700_000_000_000,
  updateTimeMs: 1_700_000_000_000,
};

function messageList(): Uint8Array {
  const encoder = new MessageEncoder(strings);
  const speaker = { name: '', toolCallId: '' };
  encoder.add({ role: 'user', ...speaker }, [{ id: segmentId(10), tokenCount: 200 }]);
  encoder.add({ role: 'assistant', ...speaker }, [{ id: segmentId(11), tokenCount: 3 }]);
  return encoder.finish();
}

/** Bytes that the code writes for each example of the page. */
const examples: Readonly<Record<string, Uint8Array>> = {
  varints: run.varints,
  frame: createCodec(core).encode(core.fromTokens(Uint32Array.of(4_294_967_295))),
  pack: encodePack({
    continues: false,
    continued: false,
    entries: [
      { frameBytes: 3, tokenCount: 2, piece: Buffer.from('0105aa', 'hex') },
      { frameBytes: 0, tokenCount: 0, piece: Buffer.alloc(0) },
      { frameBytes: 2, tokenCount: 1, piece: Buffer.from('0107', 'hex') },
    ],
  })!,
  'lean pack': encodePack({
    form: { first: 0x81, tokenBits: 2, bytesPer256: 256 },
    continues: false,
    continued: false,
    entries: [
      { frameBytes: 3, tokenCount: 2, piece: Buffer.from('810506', 'hex') },
      { frameBytes: 0, tokenCount: 0, piece: Buffer.alloc(0) },
      { frameBytes: 2, tokenCount: 1, piece: Buffer.from('0107', 'hex') },
    ],
  })!,
  'conversation header': encodeHeader({ conversation, directoryBytes: undefined, distance: 1 }, strings),
  'message list': messageList(),
  'hash index chunk': encodeIndexChunk(0x10000000, {
    last: 0x100000ff,
    entries: {
      prints: Uint32Array.of(0x1000000, 0x1000000, 0x1000009),
      ids: Uint32Array.of(1, 300, 2),
    },
  }),
  'chunk of counts': encodeCounts(Uint8Array.from({ length: 252 }, (_, at) => [0, 2, 2, 9][at] ?? 2)),
  'key index chunk': encodeBoundedChunk(Buffer.from('\x01'), {
    end: Buffer.from('\x01u'),
    entries: encodeKeyChunk(
      ['chat/1', 'chat/12', 'tau'].map((id, index) => ({ key: Buffer.from(id), number: index + 7 })),
    ),
  }),
  'garbage record': encodeGarbage({ sinceMs: 1, sequence: 300, frameBytes: 5 }),
  'group of radix nodes': encodeGroup(FIRST_GROUP_KEY, [
    undefined,
    {
      parent: nodeId(3),
      start: 2,
      blocks: Buffer.from('a1b2c3d4e5f60718', 'hex'),
      ending: conversationNumber(9),
    },
    undefined,
    { parent: nodeId(0), start: 0, blocks: Buffer.from('0102030405060708', 'hex') },
  ]),
  'stored value': new RecordChecksum('garbage').seal(9, Buffer.from('01ac0205', 'hex')),
};

it.each(Object.entries(examples))('the bytes of the example "%s" are those of the page', (name, bytes) => {
  const at = page.indexOf(`### Example: ${name}\n`);
  expect(at, `a heading "Example: ${name}"`).toBeGreaterThan(-1);
  const picture = /```text\n([^]*?)```/.exec(page.slice(at))?.[1] ?? '';
  // A line of a picture is bytes in hex, then their meaning.
  const shown = picture
    .split('\n')
    .map((line) => /^((?:[0-9a-f]{2} ?)+)(?: {2}|$)/.exec(line)?.[1] ?? '')
    .join('')
    .replaceAll(' ', '');
  expect(shown).toBe(Buffer.from(bytes).toString('hex'));
});
