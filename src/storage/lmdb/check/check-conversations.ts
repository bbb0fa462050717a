import { countOf, isDated } from '../../../model/index.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { decodeManifest, type StoredManifest } from '../conversations/conversations.js';
import { IdIndex } from '../conversations/id-index.js';
import type { StringOf } from '../conversations/manifest.js';
import { decodeRequest } from '../conversations/requests.js';
import type { Tables } from '../tables/environment.js';
import { KeyIndex } from '../tables/key-index.js';
import { CREATED, readDimensions } from '../lists/dimensions.js';
import { isDamage, undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { State } from '../tables/meta.js';
import { numberKey, numberOfKey } from '../tables/table-keys.js';
import type { Found } from '../tables/table.js';
import { type CheckedBlocks, checkList } from './check-blocks.js';
import { checkedEntries } from './check-key-index.js';
import type { SegmentColumns } from './check-references.js';
import { guarded, intact, type Report } from './check-report.js';

/** Checks conversations: manifests, the id index, strings. */
export class CheckedConversations {
  #conversations = 0;
  #messages = 0;
  #tokens = 0;
  #lastStoreTimeMs = 0;
  /** True if a conversation has a create time of its own. */
  #hasDated = false;
  #last = 0;
  /** Faults of the records that do not decode, by number. */
  readonly #damaged = new Map<number, string>();

  constructor(
    private readonly tables: Tables,
    private readonly state: State,
    private readonly segments: SegmentColumns,
    private readonly pages: CheckedBlocks,
    private readonly nameOf: StringOf,
    private readonly report: Report,
  ) {}

  figures(): Partial<State> {
    return {
      conversations: this.#conversations,
      messages: this.#messages,
      tokens: this.#tokens,
      lastConversation: this.#last,
    };
  }

  /** Reads every manifest and counts its references and its blocks. To be called after the frames. */
  *manifests(): Generator<number, void, void> {
    const ids = new IdIndex(this.tables.ids);
    let before = 0;
    for (const found of this.tables.conversations.scan()) {
      const { key } = found;
      const manifest = this.#decode(found);
      if (manifest && key - manifest.distance !== before) {
        const said = `conversation number ${key - manifest.distance}`;
        this.report('manifest', `conversation ${manifest.conversation.id}`, `says that ${said} is before it`);
      }
      before = key;
      if (manifest) this.#compare(key, manifest, ids);
      if (key >= this.state.nextConversation) {
        this.report('statistics', 'nextConversation', `is not above conversation number ${key}`);
      }
      yield 1;
    }
    this.#last = before;
    const dimensions = undefinedIfCorrupt(() => readDimensions(this.tables.meta)) ?? [];
    if (this.#hasDated && !dimensions.some(({ id }) => id === CREATED))
      this.report('list-index', 'dimensions', 'lack that of create times, which conversations have');
  }

  /** Compares the id index with the manifests. */
  *index(): Generator<number, void, void> {
    for (const { key: id, number } of checkedEntries(this.tables.ids, 'id-index', 'ids', this.report)) {
      const subject = `id ${id.toString('utf8')}`;
      if (!this.tables.conversations.unchecked(number)) {
        this.report('id-index', subject, `leads to conversation number ${number}, which is not stored`);
      }
      this.#nameDamaged(number, `conversation ${id.toString('utf8')}`);
      yield 0;
    }
    for (const number of this.#damaged.keys()) this.#nameDamaged(number, `conversation number ${number}`);
  }

  /** Reports a record that does not decode, once: by its id, if the index has it. */
  #nameDamaged(number: number, subject: string): void {
    const detail = this.#damaged.get(number);
    if (detail !== undefined) this.report('manifest', subject, detail);
    this.#damaged.delete(number);
  }

  #decode(found: Found<number>): StoredManifest | undefined {
    try {
      if (found.damage) throw found.damage;
      return decodeManifest(found.value, this.nameOf);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damaged.set(found.key, error.message);
      return undefined;
    }
  }

  #compare(number: number, manifest: StoredManifest, ids: IdIndex): void {
    const { id } = manifest.conversation;
    this.#conversations += 1;
    guarded(this.report, 'manifest', `conversation ${id}`, () => {
      this.#manifest(manifest);
      if (ids.find(id) !== number)
        this.report('id-index', `conversation ${id}`, 'its id does not lead to it');
    });
  }

  #manifest({ conversation, list }: StoredManifest): void {
    const subject = `conversation ${conversation.id}`;
    let { messages, tokens } = checkList(subject, list.tail, this.nameOf, this.segments, this.report);
    for (const entry of decodeDirectory(list.directory)) {
      this.pages.name(subject, entry);
      messages += entry.messages;
      tokens += entry.tokens;
    }
    if (messages !== conversation.messageCount || tokens !== conversation.totalTokens) {
      const counted = `${countOf(messages, 'message')} and ${countOf(tokens, 'token')}`;
      this.report('manifest', subject, `has ${counted}, not what its header says`);
    }
    if (conversation.storeTimeMs < this.#lastStoreTimeMs) {
      this.report('manifest', subject, 'was stored before the conversation that precedes it');
    }
    this.#lastStoreTimeMs = Math.max(this.#lastStoreTimeMs, conversation.storeTimeMs);
    this.#hasDated ||= isDated(conversation);
    this.#messages += conversation.messageCount;
    this.#tokens += conversation.totalTokens;
  }
}

/** Checks that requests decode, and that the index has each exactly once, and nothing else. */
export function* checkRequests(
  tables: Pick<Tables, 'requests' | 'requestIds'>,
  state: State,
  nameOf: StringOf,
  report: Report,
): Generator<number, void, void> {
  const index = new KeyIndex(tables.requestIds);
  const requestOf = (key: Buffer) => `request ${numberOfKey(key)}`;
  for (const { key, value } of intact(tables.requests, report, 'requests', requestOf)) {
    const subject = requestOf(key);
    const number = numberOfKey(key);
    guarded(report, 'requests', subject, () => {
      if (number >= state.nextRequest) report('statistics', 'nextRequest', `is not above request ${number}`);
      if (index.find(decodeRequest(value, nameOf).key) !== number)
        report('requests', subject, 'its id does not lead to it');
    });
    yield 0;
  }
  for (const { number } of checkedEntries(tables.requestIds, 'requests', 'ids of requests', report)) {
    if (!tables.requests.unchecked(numberKey(number)))
      report('requests', `request ${number}`, 'its id leads to it, and it is not there');
    yield 0;
  }
}
