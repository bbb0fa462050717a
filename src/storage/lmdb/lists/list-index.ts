import type { Conversation } from '../../../model/index.js';
import type { Tables } from '../tables/environment.js';
import type { ConversationNumber } from '../tables/ids.js';
import {
  CREATED,
  createdDimension,
  type Dimension,
  groupOf,
  readDimensions,
  writeDimensions,
} from './dimensions.js';
import { PostingIndexWriter } from './posting-index.js';

/**
 * Keeps the list index in step with the conversations that it has, in one write transaction. New ones are not
 * entered here: the index has all conversations up to a number, and lists read the later ones themselves,
 * until a slice of build.ts enters them. So a store does not change the index, whatever its labels are.
 */
export class ListIndex {
  #dimensions: readonly Dimension[] | undefined;
  #writer: PostingIndexWriter | undefined;

  constructor(private readonly tables: Pick<Tables, 'meta' | 'postings'>) {}

  /** To be called when a conversation was replaced, appended to or deleted; `after` is then undefined. */
  changed(number: ConversationNumber, before: Conversation, after: Conversation | undefined): void {
    this.#dimensions ??= readDimensions(this.tables.meta);
    for (const dimension of this.#dimensions) {
      if (dimension.dropped || number > dimension.to) continue;
      const [from, to] = [groupOf(dimension, number, before), after && groupOf(dimension, number, after)];
      if (from === to) continue;
      const writer = (this.#writer ??= new PostingIndexWriter(this.tables.postings));
      if (from !== undefined) writer.remove(from, number);
      if (to !== undefined) writer.add(to, number);
    }
  }

  /**
   * Makes sure that there is the dimension of create times. To be called before a conversation gets a create
   * time of its own; `nextConversation` is the number that the next new one gets.
   */
  beginCreateTimes(nextConversation: number): void {
    this.#dimensions ??= readDimensions(this.tables.meta);
    if (this.#dimensions.some(({ id }) => id === CREATED)) return;
    this.#dimensions = [...this.#dimensions, createdDimension(nextConversation)].sort((a, b) => a.id - b.id);
    writeDimensions(this.tables.meta, this.#dimensions);
  }

  /** Writes the changes. */
  flush(): void {
    this.#writer?.flush();
  }
}
