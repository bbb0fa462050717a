import type { MessageRecord } from '../../../src/model/index.js';
import { joined, segmentsOf, type Content } from '../content.js';
import type { Fact } from '../facts.js';
import type { Random } from '../random.js';
import { commitWithSegments, type Load } from './load.js';

const IDS = 12;

/** Stores, replaces, appends to, forks and deletes conversations that no other client changes. */
export async function changeConversations(load: Load, client: number, random: Random): Promise<never> {
  const { backend, journal } = load;
  const idOf = (index: number) => `client-${client}/conversation-${index}`;
  /** Conversations stored by this client, from which it continues. */
  const known = new Map<string, Content>();
  for (;;) {
    const id = idOf(random.below(IDS));
    const parent = idOf(random.below(IDS));
    const [before, parents] = [known.get(id), known.get(parent)];
    const revision = (await backend.getConversation(id))?.revision ?? 0;
    const fresh = String(random.below(2 ** 31));
    const change = random.below(4);
    const make = async (content: Content | null, commit: () => Promise<unknown>) => {
      const facts: Fact[] = [[`conversation/${id}`, content]];
      journal.begin(facts);
      await commit();
      journal.done(facts);
      if (content === null) known.delete(id);
      else known.set(id, content);
    };
    if (change === 0 && revision > 0) {
      await make(null, () => backend.commit({ delete: { id, timeMs: Date.now() } }));
    } else if (change === 1 && before !== undefined) {
      await make(joined(before, fresh), () => append(load, id, fresh, revision));
    } else if (change === 2 && revision === 0 && parents !== undefined) {
      const fork = { id: parent, newId: id, messageCount: undefined, timeMs: Date.now() };
      await make(parents, () => backend.commit({ fork }));
    } else {
      await make(fresh, () => store(load, id, fresh, revision));
    }
  }
}

async function store(load: Load, id: string, content: Content, revision: number): Promise<void> {
  const put = {
    spec: {
      id,
      application: `crash ${revision % 3}`,
      model: revision % 2 === 0 ? 'a' : 'b',
      tokenizer: '',
      parentId: '',
      expireTimeMs: undefined,
      metadata: { user: `${revision % 7}`, ...(revision % 2 === 0 && { session: id }) },
    },
    messages: messagesOf(load, content),
    expect: { kind: 'revision' as const, revision },
    timeMs: Date.now(),
  };
  await commitWithSegments(load, { put }, segmentsOf(content));
}

async function append(load: Load, id: string, content: Content, revision: number): Promise<void> {
  const change = { id, messages: messagesOf(load, content), revision, timeMs: Date.now() };
  await commitWithSegments(load, { append: change }, segmentsOf(content));
}

function messagesOf({ contents }: Load, content: Content): MessageRecord[] {
  return segmentsOf(content).map((segment) => ({
    role: 'user',
    name: '',
    toolCallId: '',
    segments: [{ hash: contents.hash(segment), tokenCount: contents.run(segment).tokenCount }],
  }));
}
