// An agent's conversation as a history: stored, extended turn by turn, forked, and read back token for token.
// Usage: node client.mjs [HOST:PORT]
import assert from 'node:assert/strict';
import { connect, isClientError } from 'stowken-server';

const server = process.argv[2] ?? '127.0.0.1:7411';
const stowken = connect({ server });

const system = Uint32Array.from([3575, 553, 261, 10297, 29186, 13]);
const question = [4827, 382, 290, 9029, 328, 10128, 30];
/** A model's answer, with its exact token ids. */
const answer = Uint32Array.from({ length: 2000 }, (_, i) => (i * 7919) % 200_000);

try {
  const stored = await stowken.store({
    conversation: { id: 'node/run-1', application: 'node-example', tokenizer: 'o200k_base' },
    messages: [
      { role: 'system', tokens: system },
      { role: 'user', tokens: question },
    ],
  });
  console.log(`stored ${stored.conversation.totalTokens} tokens, revision ${stored.conversation.revision}`);

  // An append costs the new turn only, however long the history is. The revision guards against another
  // writer.
  const { conversation } = await stowken.append('node/run-1', [{ role: 'assistant', tokens: answer }], {
    ifRevision: stored.conversation.revision,
  });
  console.log(`appended, ${conversation.totalTokens} tokens now`);

  // Another attempt from the same two messages: it shares all stored segments of them.
  const fork = await stowken.fork('node/run-1', { newId: 'node/run-2', messageCount: 2 });
  console.log(`forked, ${fork.newSegments} new segments`);

  // Message by message, as Uint32Array; `encoding: 'text'` returns text, decoded with the tokenizer.
  const messages = [];
  for await (const part of stowken.read('node/run-1', { encoding: 'tokens' })) {
    if (part.kind === 'message') messages.push(part);
  }
  assert.deepEqual(
    messages.map(({ role, content }) => [role, content]),
    [
      ['system', system],
      ['user', Uint32Array.from(question)],
      ['assistant', answer],
    ],
  );
  console.log('read back: every token equal');

  // Finds other conversations with the same beginning, for example to reuse a cache of prefixes.
  const start = Uint32Array.from([...system, ...question, ...answer]);
  const [match] = await stowken.findPrefix({ tokens: start });
  console.log(`${match?.conversation.id} shares the first ${match?.sharedTokens} tokens`);

  // Errors have a reason that programs can read.
  await stowken.get('node/run-3').catch((error) => {
    if (!isClientError(error)) throw error;
    console.log(`node/run-3: ${error.reason}`);
  });
} finally {
  stowken.close();
}
