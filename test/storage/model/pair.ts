import { expect } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import type {
  Change,
  ConversationSnapshot,
  FrameReplacement,
  ManagedBackend,
  SegmentKey,
} from '../../../src/storage/index.js';
import { message, spec, type Bench } from '../../contract/support.js';
import type { ChangePlan, Operation } from './operations.js';
import { registries, segmentIn } from './samples.js';
import { read, visible, visibleContent } from './visible.js';
import type { SegmentHash } from '../../../src/model/index.js';

/** Time for which requests are remembered here: a few waits. */
const REMEMBERED_MS = 60;

/** Runs the same operations on the model and on a real backend, whose answers must be the same. */
export class Pair {
  readonly #open: ConversationSnapshot[][] = [];
  /** Keys that segments have or had, by backend and hash: deleted ones are asked for too. */
  readonly #keys = new Map<string, Map<string, SegmentKey>>();

  constructor(
    private readonly model: Bench,
    private readonly real: Bench,
  ) {}

  async run(operation: Operation): Promise<void> {
    switch (operation.kind) {
      case 'change':
        return this.#commitAlone(operation.change);
      case 'together':
        // The answers of PostgreSQL do not tell the order of changes made at once; race.test.ts makes such.
        if (this.real.backend.kind === 'postgres') {
          for (const each of operation.changes) await this.#commitAlone(each);
          return;
        }
        return this.#commit(operation.changes.filter(isOfAnyGroup));
      case 'open': {
        const snapshots = await this.#both((backend) => backend.openConversation(operation.id));
        const found = snapshots.filter((each) => each !== undefined);
        expect([0, 2]).toContain(found.length);
        if (found.length > 0) this.#open.push(found);
        return;
      }
      case 'release':
        return this.#release();
      case 'wait':
        this.model.nowMs += operation.ms;
        this.real.nowMs = this.model.nowMs;
        return;
      case 'defragment':
        return this.real.backend.defragment?.(new AbortController().signal);
      case 'reopen':
        while (this.#open.length > 0) await this.#release();
        return this.real.reopen();
    }
  }

  async compare(): Promise<void> {
    expect(await this.real.backend.check()).toEqual([]);
    if (this.#hasCopies) expect(await visibleContent(this.real)).toEqual(await visibleContent(this.model));
    else expect(await visible(this.real)).toEqual(await visible(this.model));
  }

  /** True if the real backend may have copies of segments, which the model has not. */
  get #hasCopies(): boolean {
    return (this.real.backend.copiesMax ?? 1) > 1;
  }

  /** Leaves out of an outcome what counts copies. */
  #comparable(outcome: unknown): unknown {
    if (!this.#hasCopies) return outcome;
    const counted = new Set(['newSegments', 'newTokens', 'newFrameBytes', 'garbageSegments']);
    const kept = JSON.stringify(outcome, (key, value: unknown) => (counted.has(key) ? undefined : value));
    return JSON.parse(kept) as unknown;
  }

  async #commitAlone(all: ChangePlan): Promise<void> {
    // Deletions and replacements are of some copies only: the model makes them without partitions.
    const left = new Set(['collect', 'deleteSegments', 'replace', 'drop', 'registry']);
    const some = Object.entries(all).filter(([part]) => !left.has(part));
    const plan = this.#hasCopies ? (Object.fromEntries(some) as ChangePlan) : all;
    if (this.real.backend.kind !== 'postgres') return this.#commit([plan]);
    if (isDeletion(plan)) while (this.#open.length > 0) await this.#release();
    await this.#commit([await this.#withoutRepeats(plan)]);
  }

  /** Changes that arrive together are made in an order that the backend decides and the model follows. */
  async #commit(plans: readonly ChangePlan[]): Promise<void> {
    const [forModel, forReal] = await this.#both((backend) => this.#changesOf(plans, backend));
    const real = new Map<number, unknown>();
    await Promise.all(
      forReal!.map(async (change, at) => {
        real.set(at, await this.real.backend.commit(change).catch(refusalOf));
      }),
    );
    for (const [at, outcome] of real) {
      const expected = await this.model.backend.commit(forModel![at]!).catch(refusalOf);
      expect(this.#comparable(outcome)).toEqual(this.#comparable(expected));
    }
  }

  /**
   * In PostgreSQL the messages of each append are a holder of their own: a segment that the conversation
   * names already gets a second reference. Appends of such segments are left to the contract's tests.
   */
  async #withoutRepeats(plan: ChangePlan): Promise<ChangePlan> {
    const { put, append, fork } = plan;
    if (!append) return plan;
    const named = new Set((put?.messages ?? []).flatMap(({ segments }) => segments.map(hashOf)));
    for (const id of [append.id, fork?.id]) {
      const snapshot = id === undefined ? undefined : await this.model.backend.openConversation(id);
      const stored = await read(this.model.backend, snapshot);
      for (const { hashes } of stored?.messages ?? []) for (const hash of hashes) named.add(hash);
    }
    const isNew = (index: number) => !named.has(hashOf(index));
    const messages = append.messages.map((each) => ({ ...each, segments: each.segments.filter(isNew) }));
    return { ...plan, append: { ...append, messages } };
  }

  async #changesOf(plans: readonly ChangePlan[], backend: ManagedBackend): Promise<Change[]> {
    const changes = [];
    for (const plan of plans) changes.push(await this.#changeOf(plan, backend));
    return changes;
  }

  async #changeOf(plan: ChangePlan, backend: ManagedBackend): Promise<Change> {
    const { nowMs } = this.model;
    const brought = [
      ...(plan.bring?.segments ?? []).map((index) => segmentIn(index, plan.bring!.coding)),
      ...broughtBy(plan.put),
      ...broughtBy(plan.append),
    ];
    const change: { -readonly [K in keyof Change]: Change[K] } = {};
    if (plan.request) {
      const { id, digest } = plan.request;
      change.request = { id, digest: digest.repeat(32), timeMs: nowMs, notBeforeMs: nowMs - REMEMBERED_MS };
    }
    if (plan.bring ?? plan.put ?? plan.append) change.newSegments = brought;
    if (plan.put) change.put = await this.#putOf(plan.put, backend);
    if (plan.append) {
      const { id, messages, current } = plan.append;
      const revision = (await backend.getConversation(id))?.revision ?? 1;
      const appended = messages.map(toMessage);
      change.append = { id, messages: appended, timeMs: nowMs, ...(current && { revision }) };
    }
    if (plan.fork) {
      const { id, newId, messageCount, current } = plan.fork;
      const revision = (await backend.getConversation(id))?.revision ?? 1;
      change.fork = { id, newId, messageCount, timeMs: nowMs, ...(current && { revision }) };
    }
    if (plan.delete) {
      const { id, current } = plan.delete;
      const revision = (await backend.getConversation(id))?.revision ?? 1;
      change.delete = { id, timeMs: nowMs, ...(current && { revision }) };
    }
    if (plan.add) change.addReferences = plan.add.map(toReference);
    if (plan.remove) change.removeReferences = plan.remove.map(toReference);
    if (plan.deleteSegments) change.deleteSegments = plan.deleteSegments.map(hashOf);
    if (plan.registry) change.putRegistry = { bytes: registries[plan.registry - 1]!, timeMs: nowMs };
    if (plan.replace) change.replaceFrames = await this.#replacementsOf(plan.replace, backend);
    if (plan.drop) change.dropRegistries = plan.drop;
    if (plan.collect) change.collect = await collectOf(plan.collect, backend, nowMs);
    return change;
  }

  async #putOf(
    put: NonNullable<ChangePlan['put']>,
    backend: ManagedBackend,
  ): Promise<Change['put'] & object> {
    const current = (await backend.getConversation(put.id))?.revision ?? 0;
    const revision = { current, none: 0, second: 2, same: 0 }[put.expects as 'current' | 'none' | 'second'];
    return {
      spec: spec(put.id, { metadata: put.metadata, model: `m${put.messages.length}` }),
      messages: put.messages.map(toMessage),
      expect: put.expects === 'same' ? { kind: 'absentOrSame' } : { kind: 'revision', revision },
      timeMs: this.model.nowMs,
    };
  }

  async #replacementsOf(
    { segments, coding, fault }: NonNullable<ChangePlan['replace']>,
    backend: ManagedBackend,
  ): Promise<FrameReplacement[]> {
    const known = this.#keys.get(backend.kind) ?? new Map<string, SegmentKey>();
    this.#keys.set(backend.kind, known);
    const replacements: FrameReplacement[] = [];
    for (const [at, index] of segments.entries()) {
      const hash = hashOf(index);
      const [stored] = await backend.findSegments([hash]);
      if (stored) known.set(hash, stored.key);
      const key = known.get(hash);
      if (key === undefined) continue;
      const isFaulty = at === segments.length - 1;
      const frame = segmentIn(isFaulty && fault === 'otherTokens' ? (index + 1) % 40 : index, coding).frame;
      const asStored = stored && !(isFaulty && fault === 'stale');
      const [expected] = asStored ? await backend.readFrames([key]) : [segmentIn(index, 1).frame];
      replacements.push({ key, expected: expected!, frame });
    }
    return replacements;
  }

  #both<T>(work: (backend: ManagedBackend) => Promise<T>): Promise<T[]> {
    return Promise.all([this.model.backend, this.real.backend].map(work));
  }

  /** Snapshots still read their state. */
  async #release(): Promise<void> {
    const [model, real] = this.#open.shift() ?? [];
    expect(await read(this.real.backend, real)).toEqual(await read(this.model.backend, model));
  }
}

/**
 * The garbage and the registries of a change depend on the commit before it; the model commits each change of
 * a group separately.
 */
function isOfAnyGroup({ deleteSegments, collect, registry }: ChangePlan): boolean {
  return (deleteSegments ?? collect ?? registry) === undefined;
}

/**
 * PostgreSQL leaves all garbage while a snapshot is open, also what was garbage before it; the others leave
 * what the snapshot may read.
 */
function isDeletion({ deleteSegments, collect }: ChangePlan): boolean {
  return (deleteSegments ?? collect) !== undefined;
}

/** Returns a part of the garbage, without the newest. */
async function collectOf(
  part: number,
  backend: ManagedBackend,
  nowMs: number,
): Promise<Change['collect'] & object> {
  const garbageBeforeMs = nowMs - part;
  const { segments } = await backend.listGarbage({ limit: 1000, garbageBeforeMs });
  const keys = segments.map(({ key }) => key);
  const hashes = await backend.readHashes(keys);
  return { keys: keys.filter((_, at) => hashes[at]!.charCodeAt(0) % part === 0), garbageBeforeMs };
}

type MessagePlan = NonNullable<ChangePlan['put']>['messages'][number];

function toMessage({ role, name, toolCallId, segments }: MessagePlan) {
  return { ...message(role, ...segments.map((index) => segmentIn(index, 0))), name, toolCallId };
}

/** Returns some of the segments that the messages name. */
function broughtBy(part: NonNullable<ChangePlan['put' | 'append']> | undefined) {
  const named = (part?.messages ?? []).flatMap(({ segments }) => segments);
  return named.filter((index) => index % 10 <= part!.brings).map((index) => segmentIn(index, part!.coding));
}

function hashOf(index: number): SegmentHash {
  return segmentIn(index, 0).hash;
}

function toReference({ segment, holder }: { segment: number; holder: string }) {
  return { hash: hashOf(segment), holder };
}

/** Returns why a change was refused, without keys: they are the backend's own. */
function refusalOf(error: unknown) {
  if (!isStowkenError(error)) throw error;
  const { segment, ...metadata }: Readonly<Record<string, string>> = error.metadata;
  return { reason: error.reason, metadata, namesSegment: segment !== undefined };
}
