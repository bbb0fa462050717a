import { connect, isClientError, type StowkenClient } from '../../src/client/index.js';
import { Random } from '../crash/random.js';
import { Broken, compareRead } from './compare.js';
import { Journal, type Content } from './journal.js';
import type { Load } from './load.js';
import { readSomething } from './reads.js';
import { Writes } from './writes.js';

/** One call in so many writes; the others read. */
const WRITE_EVERY = 2;
const PAUSE_MS_MAX = 10;

/** A client that knows its stored content, and compares every read with it. */
export class SoakClient {
  readonly journal = new Journal();
  readonly #name: string;
  readonly #random: Random;
  readonly #writes: Writes;

  constructor(index: number, seed: number) {
    this.#name = `client-${index}`;
    this.#random = new Random(seed + index);
    this.#writes = new Writes(this.#name, index, this.#random, this.journal);
  }

  /** Makes calls one after the other until the load is over. */
  async work(load: Load): Promise<void> {
    while (!load.isOver) {
      await connected(load.address, async (client) => {
        for (let left = load.callsPerConnection; left > 0 && !load.isOver; left--) {
          const isAnswered = await load.calling(() => this.#next(client));
          await load.pause(this.#random.below(PAUSE_MS_MAX));
          if (!isAnswered) return;
        }
      });
    }
  }

  /** Determines the result of a change that was not answered before the server was killed. */
  async settle(address: string): Promise<'made' | 'not made' | 'sent again' | undefined> {
    const { unanswered } = this.journal;
    if (unanswered === undefined) return undefined;
    return connected(address, async (client) => {
      if (this.#random.below(2) === 0) {
        await this.#sendAgain(client);
        return 'sent again';
      }
      const { id, before, after } = unanswered;
      const isMade = await isStored(client, id, after);
      if (!isMade && !(await isStored(client, id, before)))
        throw new Broken(`${id} is neither as it was nor as it was to be`);
      this.journal.settle(isMade ? after : before);
      return isMade ? 'made' : 'not made';
    });
  }

  /** Compares everything that it has stored. */
  async compareAll(address: string): Promise<void> {
    await connected(address, async (client) => {
      for (const [id, content] of this.journal.conversations) await compareRead(client, id, content);
    });
  }

  async #next(client: StowkenClient): Promise<string> {
    // Its worker was killed, and the process that writes may still make the change.
    if (this.journal.unanswered !== undefined) return this.#sendAgain(client);
    if (this.#random.below(WRITE_EVERY) === 0) return this.#writes.next(client);
    return readSomething(client, this.#name, this.journal.conversations, this.#random);
  }

  /** A change that is sent again under its request id is made once. */
  async #sendAgain(client: StowkenClient): Promise<string> {
    const { send, after } = this.journal.unanswered!;
    await send(client);
    this.journal.settle(after);
    return 'retry';
  }
}

export async function connected<T>(server: string, work: (client: StowkenClient) => Promise<T>): Promise<T> {
  const client = connect({ server });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function isStored(client: StowkenClient, id: string, content: Content): Promise<boolean> {
  try {
    await compareRead(client, id, content ?? []);
    return content !== null;
  } catch (error) {
    if (error instanceof Broken) return false;
    if (isClientError(error, 'CONVERSATION_NOT_FOUND')) return content === null;
    throw error;
  }
}
