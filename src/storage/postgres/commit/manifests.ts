import { type Conversation, type ConversationSpec, type Expiry, present } from '../../../model/index.js';
import type { ChangeResult, ManifestOutcome } from '../../contract/change.js';
import type { Part } from '../../shared/apply-change.js';
import * as rules from '../../shared/manifest-rules.js';
import { prefixOutdated } from '../../shared/refusals.js';
import { int, type Statement } from '../database/driver.js';
import { type Head, headColumns, headValues } from '../formats/head.js';
import { isSamePlace, keyOf, type PackId, type Place, uuidOf } from '../formats/ids.js';
import { type ListedMessage, readList } from '../formats/list.js';
import { listTooShort } from '../read/snapshot.js';
import { listPartFrom, readListParts } from '../read/stored-list.js';
import { emptyList, ListBuilder, listedFrom, type ListEnd } from './list-builder.js';
import type { Work } from './work.js';

const values = Array.from({ length: 17 }, (_, at) => `$${at + 2}`);
const insertHead: Statement = {
  name: 'head_insert',
  text: `insert into conv (p, ${headColumns}) values ($1, ${values.join(', ')})`,
};
const updateHead: Statement = {
  name: 'head_update',
  text: `update conv set (${headColumns}) = (${values.join(', ')}) where p = $1 and idh = $12`,
};
const growHead: Statement = {
  name: 'head_grow',
  text: `update conv set rev = $3, msgs = $4, parts = $5, toks = $6, updated = $7 where p = $1 and idh = $2`,
};
const deleteHead: Statement = { name: 'head_delete', text: 'delete from conv where p = $1 and idh = $2' };
/** The list stays until nobody can read it any more. */
const insertGone: Statement = { name: 'gone_insert', text: 'insert into gone (p, k) values ($1, $2)' };
const countGarbage: Statement = {
  name: 'garbage_count',
  text: `select count(*) garbage from unnest($2::int8[], $3::int4[]) u(k, slot)
    join ref f on f.p = $1 and f.k = u.k and f.slot = u.slot where f.n <= 0`,
};

type Outcome = ManifestOutcome | undefined;

/** Conversations that one change names: checked first, then changed. */
export class Manifests {
  constructor(private readonly work: Work) {}

  /** Resolves to the outcome if the very same content is stored already. */
  async checkPut(put: Part<'put'>): Promise<Outcome> {
    const existing = this.#find(put.spec.id, put.expiry);
    const compared = existing !== undefined && put.expect.kind === 'absentOrSame';
    const isSame = compared && (await this.#hasPut(existing, put));
    const unchanged = rules.checkPut(existing, put, () => isSame);
    if (!unchanged) this.#requireSegments(put.messages);
    return unchanged;
  }

  checkAppend(append: Part<'append'>): void {
    const { totalTokens } = this.#require(append).conversation;
    if (append.prefix && append.prefix.afterTokens !== totalTokens) throw prefixOutdated(append.id);
    this.#requireSegments(append.messages);
  }

  async checkFork(fork: Part<'fork'>): Promise<Outcome> {
    const parent = this.#require(fork);
    const existing = this.#find(fork.newId, fork.expiry);
    const count = fork.messageCount ?? parent.conversation.messageCount;
    const isSame = existing !== undefined && (await this.#hasFork(existing, parent, fork, count));
    return rules.checkFork(parent, existing, fork, () => isSame);
  }

  checkDelete(change: Part<'delete'>): void {
    const { id, revision } = change;
    rules.checkExpired(this.#require({ id, ...(revision !== undefined && { revision }) }), change);
  }

  async put(put: Part<'put'>): Promise<ManifestOutcome> {
    const { spec, messages, expiry } = put;
    await this.#deleteExpired(spec.id, expiry);
    const existing = this.#head(spec.id);
    if (existing) await this.#releaseList(existing);
    const list = new ListBuilder(this.work, emptyList);
    for (const message of messages) list.add(listedFrom(this.work, message));
    const conversation = this.#write(spec, list.finish(), put, existing);
    return rules.storedOutcome(conversation, messages, this.work.added);
  }

  async append({ id, messages, timeMs }: Part<'append'>): Promise<ManifestOutcome> {
    const { conversation: before, cid, k, parts } = this.#require({ id });
    const end = { c: k, parts, messages: before.messageCount, tokens: before.totalTokens };
    const list = new ListBuilder(this.work, end);
    for (const message of messages) list.add(listedFrom(this.work, message));
    const grown = list.finish();
    const size = { messageCount: grown.messages, totalTokens: grown.tokens };
    const times = { timeMs, lastStoreTimeMs: 0 };
    const conversation = rules.nextRevision(rules.specOf(before), size, times, before);
    const { revision, updateTimeMs } = conversation;
    const changed = [revision, grown.messages, grown.parts, grown.tokens, updateTimeMs];
    this.work.transaction.send(growHead, [this.work.p, uuidOf(id), ...changed]);
    this.#setHead({ conversation, cid, k, parts: grown.parts });
    this.#count(before, conversation);
    return rules.storedOutcome(conversation, messages, this.work.added);
  }

  async fork(fork: Part<'fork'>): Promise<ManifestOutcome> {
    const parent = this.#require({ id: fork.id });
    const { conversation } = parent;
    const count = fork.messageCount ?? conversation.messageCount;
    // Messages that the same change appended to the parent are read with it.
    this.work.sendRows();
    await this.#deleteExpired(fork.newId, fork.expiry);
    const list = new ListBuilder(this.work, emptyList);
    for await (const message of this.#messages(parent, count)) list.add(message);
    const spec = rules.forkedSpec(conversation, fork);
    return rules.nothingNew(this.#write(spec, list.finish(), fork, undefined), false);
  }

  async delete({ id }: Pick<Part<'delete'>, 'id'>): Promise<NonNullable<ChangeResult['delete']>> {
    this.work.sendRows();
    const { places, references } = await this.#remove(id);
    await this.work.fold();
    const [row] = await this.work.transaction.query(countGarbage, [
      this.work.p,
      places.map(({ k }) => k),
      places.map(({ slot }) => slot),
    ]);
    return { releasedReferences: references, garbageSegments: int(row?.['garbage']) };
  }

  /** Writes a manifest with a new list, replacing the one with its id, if any. */
  #write(
    spec: ConversationSpec,
    { c, parts, messages, tokens }: ListEnd & { readonly c: PackId },
    { timeMs, keeps }: Pick<Part<'put'>, 'timeMs' | 'keeps'>,
    existing: Head | undefined,
  ): Conversation {
    const { newest, ids } = this.work.vault;
    const size = { messageCount: messages, totalTokens: tokens };
    // Lists go by the times themselves: what was stored elsewhere keeps its place among them.
    const lastStoreTimeMs = keeps ? 0 : newest.storeTimeMs;
    const times = { timeMs, lastStoreTimeMs, keeps };
    const conversation = rules.nextRevision(spec, size, times, existing?.conversation);
    newest.storeTimeMs = Math.max(newest.storeTimeMs, conversation.storeTimeMs);
    const head = { conversation, cid: existing?.cid ?? ids.next(), k: c, parts };
    this.work.transaction.send(existing ? updateHead : insertHead, [this.work.p, ...headValues(head)]);
    this.#setHead(head);
    this.#count(existing?.conversation, conversation);
    return conversation;
  }

  async #remove(id: string): Promise<{ readonly places: readonly Place[]; readonly references: number }> {
    const head = this.#require({ id });
    const released = await this.#releaseList(head);
    this.work.transaction.send(deleteHead, [this.work.p, uuidOf(id)]);
    this.work.lookup.heads.set(id, undefined);
    this.#count(head.conversation, undefined);
    return released;
  }

  /** Takes back the references of each part of a list, and lets it go when nobody reads it any more. */
  async #releaseList({ k, conversation }: Head) {
    const places = new Map<string, Place>();
    let references = 0;
    for (const part of await this.#parts(k, conversation.messageCount)) {
      const held = new Map<string, Place>();
      for (const { segments } of readList(part, part.k))
        for (const place of segments) held.set(keyOf(place) as string, { k: place.k, slot: place.slot });
      this.work.refer(held.values(), -1);
      references += held.size;
      for (const [key, place] of held) places.set(key, place);
    }
    this.work.transaction.send(insertGone, [this.work.p, k]);
    return { places: [...places.values()], references };
  }

  async #parts(k: PackId, messages: number) {
    const rows = await this.work.transaction.query(readListParts, [this.work.p, k, 0, messages]);
    return rows.map(listPartFrom);
  }

  /** Yields the first messages of a stored list. */
  async *#messages({ k, conversation }: Head, count: number): AsyncGenerator<ListedMessage, void, void> {
    let left = count;
    for (const part of await this.#parts(k, count)) {
      for (const message of readList(part, part.k)) {
        if (left-- === 0) return;
        yield message;
      }
    }
    if (left > 0) throw listTooShort(conversation.id);
  }

  async #hasPut(existing: Head, { spec, messages }: Part<'put'>): Promise<boolean> {
    const { conversation } = existing;
    if (!rules.hasSpec(conversation, spec)) return false;
    if (conversation.messageCount !== messages.length) return false;
    const stored = this.#messages(existing, messages.length);
    for (const message of messages) {
      const { value } = await stored.next();
      if (!value || !this.#isSame(value, message)) return false;
    }
    return true;
  }

  #isSame(stored: ListedMessage, message: Part<'append'>['messages'][number]): boolean {
    const { role, name, toolCallId, segments, fieldSegments = 0 } = message;
    return (
      stored.role === role &&
      stored.name === name &&
      stored.toolCallId === toolCallId &&
      stored.fields === fieldSegments &&
      stored.segments.length === segments.length &&
      stored.segments.every((place, at) => {
        const other = this.work.segment(segments[at]!.hash);
        return other !== undefined && isSamePlace(place, other);
      })
    );
  }

  async #hasFork(existing: Head, parent: Head, fork: Part<'fork'>, count: number): Promise<boolean> {
    const spec = rules.forkedSpec(parent.conversation, fork);
    if (!rules.hasSpec(existing.conversation, spec)) return false;
    if (existing.conversation.messageCount !== count) return false;
    if (count > parent.conversation.messageCount) return false;
    const [ones, others] = [this.#messages(existing, count), this.#messages(parent, count)];
    for (;;) {
      const [one, other] = [await ones.next(), await others.next()];
      if (one.done || other.done) return one.done === other.done;
      if (JSON.stringify(one.value) !== JSON.stringify(other.value)) return false;
    }
  }

  #requireSegments(messages: Part<'put'>['messages'] | Part<'append'>['messages']): void {
    const { newSegments = [] } = this.work.change;
    rules.requireSegments(messages, newSegments, (hash) => this.work.segment(hash) !== undefined);
  }

  async #deleteExpired(id: string, expiry: Expiry | undefined): Promise<void> {
    if (this.#head(id) && !this.#find(id, expiry)) await this.#remove(id);
  }

  #head(id: string): Head | undefined {
    return this.work.lookup.heads.get(id);
  }

  #setHead(head: Head): void {
    this.work.lookup.heads.set(head.conversation.id, head);
  }

  #find(id: string, expiry: Expiry | undefined): Head | undefined {
    return rules.unexpired(this.#head(id), expiry);
  }

  #require({ id, revision, expiry }: { id: string; revision?: number; expiry?: Expiry }): Head {
    const found = rules.requireConversation(this.#find(id, expiry), id, revision);
    return present(found, 'a conversation that was required is there');
  }

  #count(before: Conversation | undefined, after: Conversation | undefined): void {
    const { figures } = this.work.delta;
    figures.convs += (after ? 1 : 0) - (before ? 1 : 0);
    figures.msgs += (after?.messageCount ?? 0) - (before?.messageCount ?? 0);
    figures.toks += (after?.totalTokens ?? 0) - (before?.totalTokens ?? 0);
  }
}
