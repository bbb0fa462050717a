import type { TokenCore } from '../src/core/index.js';
import type { BenchConversation, BenchMessage } from './lib/corpus.js';
import { retrievePath, retrieveRequest, storePath, storeRequest, type RawClient } from './lib/wire.js';

export const storesInFlight = 32;
export const retrievedMessages = 100;
const retrievedConversations = 50;

export interface Latencies {
  readonly storeMs: number[];
  readonly retrieveMs: number[];
}

/** Load of stores of known content, under new ids, and retrievals, as fast as they are answered. */
export class Load {
  readonly #long: Buffer[] = [];
  #stored = 0;

  constructor(
    private readonly core: TokenCore,
    private readonly client: RawClient,
    private readonly conversations: readonly BenchConversation[],
  ) {}

  /** Stores the conversations to retrieve. */
  async prepare(): Promise<void> {
    const messages = this.conversations.flatMap((each) => each.messages);
    for (let i = 0; i < retrievedConversations; i++) {
      const from = Math.floor((i * messages.length) / retrievedConversations);
      const some = Array.from(
        { length: retrievedMessages },
        (_, at) => messages[(from + at) % messages.length] as BenchMessage,
      );
      const id = `long/${i}`;
      const fields = { application: 'bench', model: '', tokenizer: 'o200k_base' };
      await this.client.unary(storePath, storeRequest(this.core, { id, ...fields, messages: some }));
      this.#long.push(retrieveRequest(id, 1));
    }
  }

  async run(end: Promise<unknown>): Promise<Latencies> {
    const latencies: Latencies = { storeMs: [], retrieveMs: [] };
    let over = false;
    const ended = end.finally(() => (over = true));
    const measure = async (into: number[], call: () => Promise<unknown>) => {
      while (!over) {
        const started = performance.now();
        await call();
        into.push(performance.now() - started);
      }
    };
    await Promise.all([
      ended,
      ...Array.from({ length: storesInFlight }, () => measure(latencies.storeMs, () => this.#store())),
      measure(latencies.retrieveMs, () => this.#retrieve()),
    ]);
    return latencies;
  }

  #store(): Promise<unknown> {
    const conversation = this.conversations[this.#stored % this.conversations.length] as BenchConversation;
    const id = `again/${this.#stored++}`;
    return this.client.unary(storePath, storeRequest(this.core, { ...conversation, id }));
  }

  #retrieve(): Promise<unknown> {
    return this.client.stream(retrievePath, this.#long[this.#stored % this.#long.length] as Buffer);
  }
}
