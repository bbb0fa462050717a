import { randomUUID } from 'node:crypto';
import type { StowkenClient } from '../../src/client/index.js';
import type { Random } from '../crash/random.js';
import { COMMON_MESSAGES, messageOf } from './content.js';
import type { Journal } from './journal.js';

/**
 * Approximate limits of a client's conversations, and of one's messages: the vault should not grow for ever.
 */
const CONVERSATIONS_MAX = 25;
const MESSAGES_MAX = 1500;
/** Range of the numbers of messages that only one client uses. */
const OWN_MESSAGES = 10_000_000;

/** Changes of one client, each under a request id. */
export class Writes {
  #said = 0;
  #named = 0;

  constructor(
    private readonly name: string,
    private readonly index: number,
    private readonly random: Random,
    private readonly journal: Journal,
  ) {}

  /** Makes one change at random; resolves to its name. */
  async next(client: StowkenClient): Promise<string> {
    const [id, content] = this.pick() ?? [];
    if (id === undefined || content === undefined) return this.#store(client);
    const { size } = this.journal.conversations;
    if (size >= CONVERSATIONS_MAX || content.length >= MESSAGES_MAX) return this.#delete(client, id);
    switch (this.random.below(10)) {
      case 0:
      case 1:
        return this.#store(client);
      case 2:
        return this.#replace(client, id);
      case 3:
        return this.#upload(client);
      case 4:
        return this.#fork(client, id, content);
      case 5:
        return this.#delete(client, id);
      default:
        return this.#append(client, id, content);
    }
  }

  /** Returns an existing conversation. */
  pick(): readonly [id: string, content: readonly number[]] | undefined {
    const all = [...this.journal.conversations];
    return all[this.random.below(all.length)];
  }

  async #store(client: StowkenClient): Promise<string> {
    const id = this.#newId();
    const content = this.#say(1 + this.random.below(20));
    const requestId = randomUUID();
    const conversation = { id, application: this.name };
    await this.journal.change(client, id, content, (to) =>
      to.store({ conversation, messages: content.map(messageOf), requestId }),
    );
    return 'store';
  }

  async #replace(client: StowkenClient, id: string): Promise<string> {
    const ifRevision = (await client.get(id)).conversation.revision;
    const content = this.#say(1 + this.random.below(20));
    const requestId = randomUUID();
    const conversation = { id, application: this.name };
    await this.journal.change(client, id, content, (to) =>
      to.store({ conversation, messages: content.map(messageOf), requestId, ifRevision }),
    );
    return 'replace';
  }

  async #upload(client: StowkenClient): Promise<string> {
    const id = this.#newId();
    const content = this.#say(100 + this.random.below(900));
    const requestId = randomUUID();
    const conversation = { id, application: this.name };
    await this.journal.change(client, id, content, (to) =>
      to.upload({ conversation, messages: lazily(content), requestId }),
    );
    return 'upload';
  }

  async #append(client: StowkenClient, id: string, content: readonly number[]): Promise<string> {
    const more = this.#say(1 + this.random.below(4));
    const requestId = randomUUID();
    await this.journal.change(client, id, [...content, ...more], (to) =>
      to.append(id, more.map(messageOf), { requestId }),
    );
    return 'append';
  }

  async #fork(client: StowkenClient, id: string, content: readonly number[]): Promise<string> {
    const newId = this.#newId();
    const messageCount = 1 + this.random.below(content.length);
    const requestId = randomUUID();
    await this.journal.change(client, newId, content.slice(0, messageCount), (to) =>
      to.fork(id, { newId, messageCount, requestId }),
    );
    return 'fork';
  }

  async #delete(client: StowkenClient, id: string): Promise<string> {
    const requestId = randomUUID();
    await this.journal.change(client, id, null, (to) => to.delete(id, { requestId }));
    return 'delete';
  }

  #newId(): string {
    return `${this.name}/${this.#named++}`;
  }

  /** Half of them are messages of others, too. */
  #say(messages: number): number[] {
    return Array.from({ length: messages }, () =>
      this.random.below(2) === 0
        ? this.random.below(COMMON_MESSAGES)
        : COMMON_MESSAGES + this.index * OWN_MESSAGES + this.#said++,
    );
  }
}

function* lazily(content: readonly number[]) {
  for (const n of content) yield messageOf(n);
}
