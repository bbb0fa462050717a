import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fields } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
const id = 'a\n"b"';
const le32 = (...words: number[]) => Buffer.from(new Uint32Array(words).buffer);
const words = (...tokens: number[]) => ({ role: 'user', tokens_le32: le32(...tokens) });

beforeAll(async () => {
  server = await startTestServer();
  await server.client.unary('StoreConversation', {
    conversation: { id },
    messages: [words(1)],
    request_id: id,
  });
});
afterAll(() => server.stop());

describe('the sentence of a refusal', () => {
  const other = { conversation: { id }, messages: [words(2)] };
  const quoted = '"a\\n\\"b\\""';
  const sentences: [string, string, Fields | readonly Fields[], string][] = [
    ['quotes an id', 'StoreConversation', other, `conversation ${quoted} exists with other content`],
    [
      'quotes an id at another revision',
      'StoreConversation',
      { ...other, if_revision: 7 },
      `conversation ${quoted} is at revision 1, not at revision 7`,
    ],
    [
      'says the same of a revision that is read',
      'RetrieveConversation',
      { id, if_revision: 7 },
      `conversation ${quoted} is at revision 1, not at revision 7`,
    ],
    [
      'quotes an id that is too short',
      'ForkConversation',
      { id, message_count: 2 },
      `message_count is 2, and conversation ${quoted} ends at 1`,
    ],
    [
      'quotes a request id',
      'AppendMessages',
      { id, messages: [words(3)], request_id: id },
      `request_id ${quoted} was used for another request`,
    ],
    ['counts the items of a list', 'RetrieveConversations', { ids: ['c', ''] }, 'ids[1] is empty'],
    [
      'names a number that is none',
      'CompactSubstrings',
      { min_savings_ratio: NaN },
      'min_savings_ratio is NaN; it is a part, 0 to 1',
    ],
    [
      'tells a missing total from a wrong one',
      'UploadConversation',
      [{ spec: {} }, { message: {} }, { tokens: { tokens_le32: le32(1) } }, { finish: {} }],
      'finish.total_tokens is missing, and 1 tokens have arrived',
    ],
  ];
  it.each(sentences)('%s', async (_what, method, request, sentence) => {
    expect((await server.client.refused(method, request)).details).toBe(sentence);
  });

  it('tells a tokenizer that is not named from one that is not known', async () => {
    const store = async (tokenizer: string) =>
      (
        await server.client.refused('StoreConversation', {
          conversation: { tokenizer },
          messages: [{ text: 'x' }],
        })
      ).details;
    expect(await store('')).toMatch(/^the request names no tokenizer; it knows o200k_base, /);
    expect(await store('x\n')).toMatch(/^the server has no tokenizer "x\\n"; it knows o200k_base, /);
  });

  it("counts a segment's references", async () => {
    const put = { segments: [{ tokens_le32: le32(9) }], holder: 'h' };
    const { results } = (await server.client.unary('PutSegments', put)) as { results: { hash: string }[] };
    const { hash } = results[0]!;
    expect((await server.client.refused('DeleteSegment', { hash })).details).toBe(
      `segment ${hash} has 1 reference`,
    );
  });
});
