import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { TestClient } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
let raw: TestClient;
let client: StowkenClient;
beforeAll(async () => {
  server = await startTestServer();
  raw = new TestClient(server.address);
  client = connect({ server: server.address });
});
afterAll(async () => {
  raw.close();
  client.close();
  await server.stop();
});

const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * at) % 251));
const infoOf = (all: Uint8Array) => ({
  sha256: createHash('sha256').update(all).digest('hex'),
  sizeBytes: all.length,
});

describe('attachments', () => {
  it('are stored, described and read as any client sends them', async () => {
    const message = { role: 'user', text: 'Look', fields_json: '{}', attachments: [bytes, Buffer.from('b')] };
    await raw.unary('StoreConversation', {
      conversation: { id: 'a', tokenizer: 'o200k_base' },
      messages: [message],
    });
    const [, chunk] = await raw.stream('RetrieveConversation', { id: 'a', include_fields: true });
    const infos = [bytes, Buffer.from('b')].map(infoOf);
    expect(chunk).toMatchObject({
      chunk: {
        message: {
          fields_json: '{}',
          attachments: infos.map(({ sha256, sizeBytes }) => ({ sha256, size_bytes: sizeBytes })),
        },
      },
    });
    const read = await raw.stream('GetAttachment', { id: 'a', attachment_index: 1 });
    expect(read).toMatchObject([
      { info: { sha256: infos[1]!.sha256, size_bytes: 1 } },
      { content: Buffer.from('b') },
    ]);
    expect(await raw.refused('GetAttachment', { id: 'a', attachment_index: 2 })).toMatchObject({
      reason: 'RANGE_PAST_END',
      metadata: { field: 'attachment_index', size: '2', limit: '2' },
    });
    const many = Array.from({ length: limits.attachmentsPerMessageMax + 1 }, () => Buffer.alloc(1));
    expect(
      await raw.refused('StoreConversation', { messages: [{ role: 'user', attachments: many }] }),
    ).toMatchObject({ reason: 'INVALID_FIELD', metadata: { field: 'messages[0].attachments' } });
  });

  it('are sent and read by the client, stored whole or in parts', async () => {
    const messages = [
      { role: 'user', text: 'Look', attachments: [bytes, new Uint8Array(600_000), new Uint8Array()] },
    ];
    const conversation = { id: 'b', tokenizer: 'o200k_base' };
    await client.upload({ conversation, messages });
    expect((await client.store({ conversation, messages })).unchanged).toBe(true);
    for await (const part of client.read('b', { encoding: 'text', includeFields: true }))
      if (part.kind === 'message') expect(part.attachments).toEqual(messages[0]!.attachments.map(infoOf));
    const pieces: Uint8Array[] = [];
    for await (const piece of client.attachment('b', { message: 0, attachment: 0 })) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });
});

describe('RenderMessages', () => {
  it('gives the prompt, cut at the ends of its messages', async () => {
    const chatTemplate = '{% for m in messages %}<|endoftext|>{{ m.role }}: {{ m.content }}{% endfor %}';
    const messages = [
      { role: 'user', text: 'Hi' },
      { role: 'assistant', text: 'Ho' },
    ];
    const rendered = await client.renderMessages(messages, { model: 'gpt-4o', chatTemplate });
    expect(rendered.tokenizer).toBe('o200k_base');
    expect(rendered.messages.map(({ text }) => text)).toEqual([
      '<|endoftext|>user: Hi',
      '<|endoftext|>assistant: Ho',
    ]);
    expect(rendered.messages.map(({ tokens }) => tokens[0])).toEqual([199999, 199999]);
    await expect(client.renderMessages(messages, { model: 'gpt-4o' })).rejects.toMatchObject({
      reason: 'NO_CHAT_TEMPLATE',
    });
    const ids = [{ role: 'user', tokens: [1] }];
    await expect(client.renderMessages(ids, { model: 'gpt-4o', chatTemplate })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    });
  });
});
