import { guarded, type Report } from './check-report.js';
import type { SegmentColumns } from './check-columns.js';
import { readManifest, type StoredManifest } from './conversations.js';
import type { Tables } from './environment.js';
import { decodeIdChunk } from './id-chunk.js';
import { IdIndex } from './id-index.js';
import type { NameOf } from './manifest.js';
import { decodeMessages } from './message-list.js';
import { Names } from './names.js';
import type { State } from './state.js';

/** Everything about conversations: manifests, the id index, names. */
export class CheckedConversations {
  readonly #nameOf: NameOf;
  #conversations = 0;
  #messages = 0;
  #tokens = 0;
  #lastCreateTimeMs = 0;

  constructor(
    private readonly tables: Tables,
    private readonly state: State,
    private readonly segments: SegmentColumns,
    private readonly report: Report,
  ) {
    const names = new Names(tables.names);
    this.#nameOf = (code) => names.nameOf(code);
  }

  figures(): Partial<State> {
    return { conversations: this.#conversations, messages: this.#messages, tokens: this.#tokens };
  }

  /** Reads every manifest and counts its references. Needs the frames. */
  *manifests(): Generator<number, void, void> {
    const ids = new IdIndex(this.tables.ids);
    for (const { key } of this.tables.conversations.range()) {
      guarded(this.report, 'manifest', `conversation number ${key}`, () => {
        const manifest = readManifest(this.tables, key, this.#nameOf);
        if (!manifest) return;
        this.#conversations += 1;
        this.#manifest(manifest);
        if (ids.find(manifest.conversation.id) !== key) {
          this.report('id-index', `conversation ${manifest.conversation.id}`, 'its id does not lead to it');
        }
      });
      if (key >= this.state.nextConversation) {
        this.report('statistics', 'nextConversation', `is not above conversation number ${key}`);
      }
      yield 1;
    }
  }

  /** Compares the id index and the chunks of message lists with the manifests. */
  *index(): Generator<number, void, void> {
    let before: Uint8Array = Buffer.alloc(0);
    for (const { value } of this.tables.ids.range()) {
      guarded(this.report, 'id-index', 'a chunk of the id index', () => {
        for (const { id, number } of decodeIdChunk(value)) {
          const subject = `id ${id.toString('utf8')}`;
          if (before.length > 0 && Buffer.compare(id, before) <= 0)
            this.report('id-index', subject, 'is not in order');
          if (!this.tables.conversations.get(number)) {
            this.report('id-index', subject, `leads to conversation number ${number}, which is not stored`);
          }
          before = id;
        }
      });
      yield 0;
    }
    for (const { key } of this.tables.messages.range()) {
      const number = key.readUInt32BE(0);
      if (!this.tables.conversations.get(number)) {
        this.report('manifest', `conversation number ${number}`, 'has messages and is not stored');
      }
      yield 0;
    }
  }

  #manifest({ conversation, list }: StoredManifest): void {
    const subject = `conversation ${conversation.id}`;
    const named = new Set<number>();
    let messages = 0;
    let tokens = 0;
    for (const { segments } of decodeMessages(list, this.#nameOf)) {
      messages += 1;
      for (const { id, tokenCount } of segments) {
        named.add(id);
        tokens += tokenCount;
        const stored = this.segments.has(id) ? this.segments.tokenCount(id) : undefined;
        if (stored === undefined)
          this.report('manifest-segments', subject, `names segment ${id}, which is not stored`);
        else if (stored !== tokenCount) {
          this.report('manifest-segments', subject, `segment ${id} has ${stored} tokens, not ${tokenCount}`);
        }
      }
    }
    for (const id of named) this.segments.addReference(id);
    if (messages !== conversation.messageCount || tokens !== conversation.totalTokens) {
      const counted = `${messages} messages and ${tokens} tokens`;
      this.report('manifest', subject, `has ${counted}, not what its header says`);
    }
    if (conversation.createTimeMs < this.#lastCreateTimeMs) {
      this.report('manifest', subject, 'was created before the conversation that precedes it');
    }
    this.#lastCreateTimeMs = Math.max(this.#lastCreateTimeMs, conversation.createTimeMs);
    this.#messages += conversation.messageCount;
    this.#tokens += conversation.totalTokens;
  }
}
