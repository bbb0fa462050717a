import type { Fact } from '../facts.js';
import type { Random } from '../random.js';
import { commitWithSegments, type Load } from './load.js';

const IDS = 12;

/** Stores, replaces and deletes conversations that no other client changes. */
export async function changeConversations(load: Load, client: number, random: Random): Promise<never> {
  const { backend, journal } = load;
  for (;;) {
    const id = `client-${client}/conversation-${random.below(IDS)}`;
    const existing = await backend.getConversation(id);
    const content = existing && random.below(3) === 0 ? null : random.below(2 ** 31);
    const facts: Fact[] = [[`conversation/${id}`, content]];
    journal.begin(facts);
    if (content === null) await backend.commit({ delete: { id, timeMs: Date.now() } });
    else await store(load, id, content, existing?.revision ?? 0);
    journal.done(facts);
  }
}

async function store(load: Load, id: string, content: number, revision: number): Promise<void> {
  const { contents } = load;
  const segments = contents.segmentsOf(content);
  const put = {
    spec: {
      id,
      application: 'crash',
      model: '',
      tokenizer: '',
      parentId: '',
      expireTimeMs: undefined,
      metadata: {},
    },
    messages: segments.map((segment) => ({
      role: 'user',
      name: '',
      toolCallId: '',
      segments: [{ hash: contents.hash(segment), tokenCount: contents.run(segment).tokenCount }],
    })),
    expect: { kind: 'revision' as const, revision },
    timeMs: Date.now(),
  };
  await commitWithSegments(load, { put }, segments);
}
