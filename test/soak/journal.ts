import type { StowkenClient } from '../../src/client/index.js';

/** A conversation's messages, each by its number; null: it does not exist. */
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

/** Changes that the server has acknowledged to one client, the only one that changes these conversations. */
export class Journal {
  readonly #contents = new Map<string, readonly number[]>();
  #unanswered: Unanswered | undefined;
  acknowledged = 0;

  get conversations(): ReadonlyMap<string, readonly number[]> {
    return this.#contents;
  }

  /** The last change, if it was not answered. */
  get unanswered(): Unanswered | undefined {
    return this.#unanswered;
  }

  /** Makes a change; if it fails, its result is open until settle(). */
  async change(client: StowkenClient, id: string, after: Content, send: Send): Promise<void> {
    this.#unanswered = { id, before: this.#contents.get(id) ?? null, after, send };
    await send(client);
    this.acknowledged += 1;
    this.settle(after);
  }

  /** Sets the content that the last change has left. */
  settle(content: Content): void {
    const { id } = this.#unanswered!;
    this.#unanswered = undefined;
    if (content === null) this.#contents.delete(id);
    else this.#contents.set(id, content);
  }
}
