import type { StowkenClient } from '../../src/client/index.js';

/** A conversation's messages, each by its number; null: there is none. */
export type Content = readonly number[] | null;

type Send = (client: StowkenClient) => Promise<unknown>;

/** A change that was sent, and not answered. */
export interface Unanswered {
  readonly id: string;
  readonly before: Content;
  readonly after: Content;
  /** Sends it, or sends it again, under one request id. */
  readonly send: Send;
}

/** What the server has acknowledged to one client, the only one that changes these conversations. */
export class Journal {
  readonly #contents = new Map<string, readonly number[]>();
  #unanswered: Unanswered | undefined;
  acknowledged = 0;

  get conversations(): ReadonlyMap<string, readonly number[]> {
    return this.#contents;
  }

  /** The last change, where it was not answered. */
  get unanswered(): Unanswered | undefined {
    return this.#unanswered;
  }

  /** Makes a change; where it fails, whether it was made is open until settle(). */
  async change(client: StowkenClient, id: string, after: Content, send: Send): Promise<void> {
    this.#unanswered = { id, before: this.#contents.get(id) ?? null, after, send };
    await send(client);
    this.acknowledged += 1;
    this.settle(after);
  }

  /** The last change has left this. */
  settle(content: Content): void {
    const { id } = this.#unanswered!;
    this.#unanswered = undefined;
    if (content === null) this.#contents.delete(id);
    else this.#contents.set(id, content);
  }
}
