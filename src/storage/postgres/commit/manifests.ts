import { type Conversation, type ConversationSpec, type Expiry, present } from '../../../model/index.js';
import type { ChangeResult, ManifestOutcome } from '../../contract/change.js';
import type { Part } from '../../shared/change-ops.js';
import * as rules from '../../shared/manifest-rules.js';
import { int, type Statement } from '../database/driver.js';
import { type Head, headColumns, headValues } from '../formats/head.js';
import { isSamePlace, keyOf, type PackId, type Place, uuidOf } from '../formats/ids.js';
import { type ListedMessage, readList } from '../formats/list.js';
import { isGarbage } from '../schema/garbage.js';
import { listTooShort } from '../read/snapshot.js';
import { listPartFrom, readListParts } from '../read/stored-list.js';
import { hashesAt } from './copies.js';
import { sendKind } from './kinds.js';
import { emptyList, ListBuilder, listedFrom, type ListEnd } from './list-builder.js';
import { changeTags } from './tags.js';
import type { Work } from './work.js';
import type { Works } from './works.js';

const values = Array.from({ length: 18 }, (_, at) => `$${at + 2}`);
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
    join ref f on f.k = u.k and f.slot = u.slot where f.p = $1 and ${isGarbage}`,
};

type Outcome = ManifestOutcome | undefined;

/** Conversations that one change names: checked first, then changed. */
export class Manifests {
  constructor(private readonly works: Works) {}

  /** Resolves to the outcome if the very same content is stored already. */
  async checkPut(put: Part<'put'>): Promise<Outcome> {
    const existing = this.#find(put.spec.id, put.expiry);
    const compared = existing !== undefined && put.expect.kind === 'absentOrSame';
    const isSame = compared && (await this.#hasPut(existing, put));
    const unchanged = rules.checkPut(existing, put, () => isSame);
    if (!unchanged) requireSegments(this.works.ofPut(put), put.messages);
    return unchanged;
  }

  checkAppend(append: Part<'append'>): void {
    const head = this.#require(append);
    rules.checkAppend(head, append);
    requireSegments(this.works.ofPack(head.k), append.messages);
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
    rules.checkSelected(this.#require({ id, ...(revision !== undefined && { revision }) }), change);
  }

  async put(put: Part<'put'>): Promise<ManifestOutcome> {
    const { spec, messages, expiry } = put;
    await this.#deleteExpired(spec.id, expiry);
    const work = this.works.ofPut(put);
    const existing = this.works.head(spec.id);
    if (existing) {
      await this.#releaseList(existing);
      this.works.prefixes.remove(spec.id);
    }
    const list = new ListBuilder(work, emptyList);
    for (const message of messages) list.add(listedFrom(work, message));
    const conversation = this.#write(spec, work, list.finish(), put, existing);
    this.works.prefixes.put(put);
    return rules.storedOutcome(conversation, messages, work.added);
  }

  async append(append: Part<'append'>): Promise<ManifestOutcome> {
    const { id, messages, timeMs } = append;
    const { conversation: before, cid, k, parts } = this.#require({ id });
    const work = this.works.ofPack(k);
    const end = { c: k, parts, messages: before.messageCount, tokens: before.totalTokens };
    const list = new ListBuilder(work, end);
    for (const message of messages) list.add(listedFrom(work, message));
    const grown = list.finish();
    const size = { messageCount: grown.messages, totalTokens: grown.tokens };
    const times = { timeMs, lastStoreTimeMs: 0 };
    const conversation = rules.nextRevision(rules.specOf(before), size, times, before);
    const { revision, updateTimeMs } = conversation;
    const changed = [revision, grown.messages, grown.parts, grown.tokens, updateTimeMs];
    this.works.transaction.send(growHead, [this.#partitionOf(id), uuidOf(id), ...changed]);
    this.works.setHead(id, { conversation, cid, k, parts: grown.parts });
    count(work, before, conversation);
    await this.works.prefixes.append(append, before);
    return rules.storedOutcome(conversation, messages, work.added);
  }

  /** The fork's list is in the partition of its parent's: it names the same segments. */
  async fork(fork: Part<'fork'>): Promise<ManifestOutcome> {
    const parent = this.#require({ id: fork.id });
    const { conversation } = parent;
    const messageCount = fork.messageCount ?? conversation.messageCount;
    const work = this.works.ofPack(parent.k);
    // Messages that the same change appended to the parent are read with it.
    work.sendRows();
    await this.#deleteExpired(fork.newId, fork.expiry);
    const list = new ListBuilder(work, emptyList);
    for await (const message of this.#messages(parent, messageCount)) list.add(message);
    const spec = rules.forkedSpec(conversation, fork);
    const forked = this.#write(spec, work, list.finish(), fork, undefined);
    this.works.prefixes.fork(fork, forked.totalTokens);
    return rules.nothingNew(forked, false);
  }

  async delete({ id }: Pick<Part<'delete'>, 'id'>): Promise<NonNullable<ChangeResult['delete']>> {
    const work = this.works.ofPack(this.#require({ id }).k);
    work.sendRows();
    const { places, references } = await this.#remove(id);
    const columns = [places.map(({ k }) => k), places.map(({ slot }) => slot)];
    const counted = () => this.works.transaction.query(countGarbage, [work.p, ...columns]);
    const [row] = (await work.fold(counted)) ?? [];
    return { releasedReferences: references, garbageSegments: int(row?.['garbage']) };
  }

  /** Writes a manifest with a new list, replacing the one with its id, if any. */
  #write(
    spec: ConversationSpec,
    work: Work,
    { c, parts, messages, tokens }: ListEnd & { readonly c: PackId },
    { timeMs, keeps }: Pick<Part<'put'>, 'timeMs' | 'keeps'>,
    existing: Head | undefined,
  ): Conversation {
    const { newest, ids, partitions } = this.works.vault;
    const size = { messageCount: messages, totalTokens: tokens };
    // Lists go by the times themselves: what was stored elsewhere keeps its place among them.
    const lastStoreTimeMs = keeps ? 0 : newest.storeTimeMs;
    const times = { timeMs, lastStoreTimeMs, keeps };
    const conversation = rules.nextRevision(spec, size, times, existing?.conversation);
    newest.storeTimeMs = Math.max(newest.storeTimeMs, conversation.storeTimeMs);
    const p = this.#partitionOf(spec.id);
    const head = { conversation, cid: existing?.cid ?? ids.next(p - partitions.first), k: c, parts };
    this.works.transaction.send(existing ? updateHead : insertHead, [p, ...headValues(head)]);
    sendKind(this.works, p, conversation);
    changeTags(this.works.transaction, p, work.state.labels, existing, head);
    this.works.setHead(spec.id, head);
    count(work, existing?.conversation, conversation);
    return conversation;
  }

  async #remove(id: string): Promise<{ readonly places: readonly Place[]; readonly references: number }> {
    const head = this.#require({ id });
    const released = await this.#releaseList(head);
    const { transaction } = this.works;
    const work = this.works.ofPack(head.k);
    transaction.send(deleteHead, [this.#partitionOf(id), uuidOf(id)]);
    changeTags(transaction, this.#partitionOf(id), work.state.labels, head, undefined);
    this.works.prefixes.remove(id);
    this.works.setHead(id, undefined);
    count(work, head.conversation, undefined);
    return released;
  }

  /** Takes back the references of each part of a list, and lets it go when nobody reads it any more. */
  async #releaseList({ k, conversation }: Head) {
    const work = this.works.ofPack(k);
    const places = new Map<string, Place>();
    let references = 0;
    for (const part of await this.#parts(k, conversation.messageCount)) {
      const held = new Map<string, Place>();
      for (const { segments } of readList(part, part.k))
        for (const place of segments) held.set(keyOf(place) as string, { k: place.k, slot: place.slot });
      work.refer(held.values(), -1);
      references += held.size;
      for (const [key, place] of held) places.set(key, place);
    }
    this.works.transaction.send(insertGone, [work.p, k]);
    return { places: [...places.values()], references };
  }

  async #parts(k: PackId, messages: number) {
    const read = this.works.listRead(k, messages);
    if (read) return read;
    const { p, transaction } = this.works.ofPack(k);
    const rows = await transaction.query(readListParts, [p, k, 0, messages]);
    return rows.map(listPartFrom);
  }

  /** Yields the first messages of a stored list. */
  async *#messages({ k, conversation }: Head, messages: number): AsyncGenerator<ListedMessage, void, void> {
    let left = messages;
    for (const part of await this.#parts(k, messages)) {
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
    const work = this.works.ofPack(existing.k);
    const stored = this.#messages(existing, messages.length);
    for (const message of messages) {
      const { value } = await stored.next();
      if (!value || !isSame(work, value, message)) return false;
    }
    return true;
  }

  async #hasFork(existing: Head, parent: Head, fork: Part<'fork'>, messages: number): Promise<boolean> {
    const spec = rules.forkedSpec(parent.conversation, fork);
    if (!rules.hasSpec(existing.conversation, spec)) return false;
    if (existing.conversation.messageCount !== messages) return false;
    if (messages > parent.conversation.messageCount) return false;
    const nameOf = await this.#namesOf(existing, parent, messages);
    const [ones, others] = [this.#messages(existing, messages), this.#messages(parent, messages)];
    for (;;) {
      const [one, other] = [await ones.next(), await others.next()];
      if (one.done || other.done) return one.done === other.done;
      if (nameOf(one.value) !== nameOf(other.value)) return false;
    }
  }

  /** Returns a name of messages that is the same for the same content. */
  async #namesOf(one: Head, other: Head, messages: number): Promise<(message: ListedMessage) => string> {
    if (this.works.ofPack(one.k) === this.works.ofPack(other.k)) return JSON.stringify;
    const hashes = new Map<string, string>();
    for (const head of [one, other]) {
      const places: Place[] = [];
      for await (const { segments } of this.#messages(head, messages)) places.push(...segments);
      for (const [key, hash] of await hashesAt(this.works.transaction, this.works.vault, places))
        hashes.set(key, hash);
    }
    const named = (place: Place) => hashes.get(keyOf(place) as string);
    return (message) => JSON.stringify({ ...message, segments: message.segments.map(named) });
  }

  async #deleteExpired(id: string, expiry: Expiry | undefined): Promise<void> {
    if (this.works.head(id) && !this.#find(id, expiry)) await this.#remove(id);
  }

  #partitionOf(id: string): number {
    return this.works.vault.partitions.ofId(id);
  }

  #find(id: string, expiry: Expiry | undefined): Head | undefined {
    return rules.unexpired(this.works.head(id), expiry);
  }

  #require({ id, revision, expiry }: { id: string; revision?: number; expiry?: Expiry }): Head {
    const found = rules.requireConversation(this.#find(id, expiry), id, revision);
    return present(found, 'a conversation that was required is there');
  }
}

function requireSegments(work: Work, messages: Part<'put'>['messages'] | Part<'append'>['messages']): void {
  const brought = [...work.incoming, ...work.copies];
  rules.requireSegments(messages, brought, (hash) => work.segment(hash) !== undefined);
}

function isSame(work: Work, stored: ListedMessage, message: Part<'append'>['messages'][number]): boolean {
  const { role, name, toolCallId, segments, fieldSegments = 0 } = message;
  return (
    stored.role === role &&
    stored.name === name &&
    stored.toolCallId === toolCallId &&
    stored.fields === fieldSegments &&
    stored.segments.length === segments.length &&
    stored.segments.every((place, at) => {
      const other = work.segment(present(segments[at], 'as many segments').hash);
      return other !== undefined && isSamePlace(place, other);
    })
  );
}

function count({ delta }: Work, before: Conversation | undefined, after: Conversation | undefined): void {
  const { figures } = delta;
  figures.convs += (after ? 1 : 0) - (before ? 1 : 0);
  figures.msgs += (after?.messageCount ?? 0) - (before?.messageCount ?? 0);
  figures.toks += (after?.totalTokens ?? 0) - (before?.totalTokens ?? 0);
}
