import { setTimeout as wait } from 'node:timers/promises';
import type { Codec } from '../../codec/index.js';
import { isStowkenError, type LabelValue } from '../../model/index.js';
import type { ExclusiveLease, SegmentKey, StorageBackend } from '../../storage/index.js';
import { throwIfAborted, Turns } from '../event-loop.js';
import { compactionRunning, underRights } from '../compaction/right.js';
import { type Fenced, fencedBy } from '../compaction/rewrite.js';
import { collectGarbage } from '../maintain/collect.js';
import { unsupported } from '../refusals.js';
import {
  countChildren,
  countedLabels,
  ErasedContent,
  filterOf,
  hasCopies,
  isOf,
  labelsBeside,
  namedElsewhere,
  selected,
  unusedLabels,
} from './content.js';
import { findOutdatedRegistries, replaceRegistries } from './registries.js';
import type { EraseGap, EraseInput, ErasePart, ErasePhase, EraseReceipt, SharedContent } from './types.js';

export interface EraseParts {
  /** The storage itself: conversations that have expired are erased too. */
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly clock: () => number;
}

/** Segments that others share and that a receipt lists. */
const SHARED_LISTED = 100;
const RETRY_MS = 50;
const LOOKED_AT_ONCE = 1024;

/**
 * Erases conversations so that nothing of them is left in the vault's files but what others share, and
 * returns a receipt.
 *
 * 1. The selected conversations are read, for the receipt, and deleted.
 * 2. What has no reference any more is collected, when nobody reads it.
 * 3. What other records say of them is removed.
 * 4. Registries with text that is stored nowhere any more are replaced by one that is trained on the rest.
 * 5. Every byte of the files that is not content is overwritten.
 * 6. Every record is checked: what the files have is what the vault has.
 *
 * Interrupted anywhere, a second call finishes it: all but the first step depend on what is stored alone. The
 * first one lets usage forget the labels of what it is about to delete.
 */
export async function* erase(
  parts: EraseParts,
  input: EraseInput,
  signal: AbortSignal,
): AsyncGenerator<ErasePart, void, void> {
  const { backend } = parts;
  if (!backend.forget || !backend.overwriteUnused || !backend.tryLease) throw unsupported('erasure', backend);
  if (input.dryRun) {
    yield await planOf(parts, input, signal);
    return;
  }
  const leases = await takeLeases(backend);
  try {
    // The compaction's right is the one that others wait for.
    const erasing = { ...parts, fenced: fencedBy(leases.at(-1)) };
    yield* underRights(leases, signal, 'erasure', (held) => new Erasure(erasing, input, held).run());
  } finally {
    for (const lease of leases) await lease.release();
  }
}

/** A compaction that began before could train on what is erased. @throws StowkenError COMPACTION_RUNNING */
async function takeLeases(backend: StorageBackend): Promise<ExclusiveLease[]> {
  const leases: ExclusiveLease[] = [];
  for (const name of ['erasure', 'compaction']) {
    const lease = await backend.tryLease!(name);
    if (lease) leases.push(lease);
    else {
      for (const taken of leases) await taken.release();
      const running = name === 'erasure' ? 'another erasure' : 'a compaction';
      throw compactionRunning(`${running} is running: nothing was erased; call again when it has ended`);
    }
  }
  return leases;
}

const nothing = {
  kind: 'receipt',
  ...{ children: 0, forgottenRequests: 0, forgottenUsageGroups: 0, registriesCompared: 0 },
  ...{ registriesReplaced: [], pagesInUse: 0, pagesFree: 0, overwrittenBytes: 0, violations: 0, gaps: [] },
} as const;

async function planOf(
  { backend, clock }: EraseParts,
  input: EraseInput,
  signal: AbortSignal,
): Promise<EraseReceipt> {
  const content = new ErasedContent();
  const turns = new Turns(signal);
  const onDamaged = (count: number) => (content.damaged += count);
  for await (const ids of selected(backend, input.selection, signal, onDamaged)) {
    for (const id of ids) {
      const before = content.conversations + content.damaged;
      await content.add(backend, id, turns);
      if (content.conversations + content.damaged === before) content.missing += 1;
    }
  }
  const named = await namedElsewhere(backend, await content.copies(backend), isOf(input), signal);
  const shared = [...named].map((key) => ({ key, tokenCount: content.segments.get(key)! }));
  return {
    ...nothing,
    timeMs: clock(),
    isDryRun: true,
    ...figuresOf(content, new Set(named)),
    shared: await describeShared(backend, shared),
    children: await countChildren(backend, content.ids, signal),
    gaps: content.damaged > 0 ? ['damage'] : [],
  };
}

/** One erasure. */
class Erasure {
  readonly #content = new ErasedContent();
  readonly #gaps = new Set<EraseGap>();
  #forgottenGroups = 0;
  #countedLabels: ReadonlySet<string> | undefined;
  readonly #deadlineMs: number;

  constructor(
    private readonly parts: EraseParts & { readonly fenced: Fenced },
    private readonly input: EraseInput,
    private readonly signal: AbortSignal,
  ) {
    this.#deadlineMs = performance.now() + input.waitMs;
  }

  async *run(): AsyncGenerator<ErasePart, void, void> {
    const { parts, input, signal } = this;
    const { backend } = parts;
    const content = this.#content;
    const at = (phase: ErasePhase): ErasePart => ({
      kind: 'progress',
      phase,
      conversations: content.conversations,
    });

    yield at('deleting');
    if (input.selection.kind === 'labels')
      await this.#forgetLabels(await labelsBeside(backend, input.selection.labels, signal), new Set());
    for await (const deleted of this.#delete()) if (deleted > 0) yield at('deleting');
    yield at('collecting');
    const shared = await this.#collect();

    yield at('forgetting');
    const labels = input.selection.kind === 'labels' ? input.selection.labels : [];
    const { requests } = await backend.forget!({ isForgotten: isOf(input), labels: [], signal });
    await this.#forgetLabels(labels, new Set());

    yield at('registries');
    const { looked, outdated } = await findOutdatedRegistries(parts, signal);
    const replaced =
      outdated.size === 0 ? new Set<number>() : await replaceRegistries(parts, outdated, signal);
    if (replaced.size < outdated.size) this.#gaps.add('registries');

    yield at('overwriting');
    const waitMs = Math.max(RETRY_MS, this.#deadlineMs - performance.now());
    const { isComplete, leavesRows, ...pages } = await backend.overwriteUnused!({ waitMs, signal });
    if (!isComplete) this.#gaps.add('readers');
    if (leavesRows) this.#gaps.add('database');

    yield at('verifying');
    const violations = await backend.check({ signal });
    if (violations.length > 0 || content.damaged > 0) this.#gaps.add('damage');
    if (await this.#isStoredAgain()) this.#gaps.add('stored');

    yield {
      ...nothing,
      timeMs: parts.clock(),
      isDryRun: false,
      ...figuresOf(content, new Set(shared.map(({ key }) => key))),
      shared: await describeShared(backend, shared),
      children: await countChildren(backend, content.ids, signal),
      forgottenRequests: requests,
      forgottenUsageGroups: this.#forgottenGroups,
      registriesCompared: looked,
      registriesReplaced: [...replaced],
      ...pages,
      violations: violations.length,
      gaps: [...this.#gaps],
    };
  }

  /**
   * Deletes what is selected, batch by batch; yields how many a batch had. Usage forgets the values of a
   * batch's labels first: after the deletion, nothing would say which they were.
   */
  async *#delete(): AsyncGenerator<number, void, void> {
    const { backend, clock, fenced } = this.parts;
    const content = this.#content;
    const turns = new Turns(this.signal);
    const { selection } = this.input;
    // One that is stored again under its id meanwhile, or replaced, may have other labels: then it stays.
    const condition = selection.kind === 'labels' ? { filter: filterOf(selection.labels) } : {};
    const onDamaged = (count: number) => (content.damaged += count);
    for await (const ids of selected(backend, selection, this.signal, onDamaged)) {
      const entries = new Map<string, LabelValue>();
      for (const id of ids)
        for (const [label, value] of Object.entries(await content.add(backend, id, turns)))
          entries.set(JSON.stringify([label, value]), { label, value });
      await this.#forgetLabels([...entries.values()], new Set(ids));
      const settled = await Promise.allSettled(
        ids.map((id) => backend.commit({ ...fenced, delete: { id, ...condition, timeMs: clock() } })),
      );
      for (const one of settled) {
        if (one.status === 'fulfilled') continue;
        if (!isStowkenError(one.reason, 'CONVERSATION_NOT_FOUND')) throw one.reason;
        if (selection.kind === 'ids') content.missing += 1;
      }
      yield ids.length;
    }
  }

  /** Collects garbage until nothing of what was erased is left but what others share; returns that. */
  async #collect(): Promise<Shared[]> {
    const { backend, clock } = this.parts;
    const keys = [...this.#content.segments.keys()];
    for (;;) {
      throwIfAborted(this.signal);
      const options = { minAgeMs: 0, dryRun: false, reportPreparation: false, nowMs: clock() };
      for await (const part of collectGarbage(backend, options, this.signal)) void part;
      const shared: Shared[] = [];
      let left = 0;
      for (let at = 0; at < keys.length; at += LOOKED_AT_ONCE) {
        const some = keys.slice(at, at + LOOKED_AT_ONCE);
        const counts = await backend.countReferences(some);
        for (const [index, references] of counts.entries()) {
          const key = some[index]!;
          if (references === 0) left += 1;
          else if (references !== undefined)
            shared.push({ key, tokenCount: this.#content.segments.get(key)!, references });
        }
      }
      if (hasCopies(backend)) shared.push(...(await this.#copiesOf(shared)));
      const { garbageSegments } = await backend.stats();
      if (left === 0 && garbageSegments === 0) return shared;
      if (performance.now() >= this.#deadlineMs) {
        if (left > 0 || garbageSegments > 0) this.#gaps.add('readers');
        return shared;
      }
      await wait(RETRY_MS);
    }
  }

  /** Returns those of the segments that are not stored any more, and of which others have a copy. */
  async #copiesOf(shared: readonly Shared[]): Promise<Shared[]> {
    const { backend } = this.parts;
    const isShared = new Set(shared.map(({ key }) => key));
    const hashes = [...this.#content.byHash].filter(([, key]) => !isShared.has(key));
    const found = await backend.findSegments(hashes.map(([hash]) => hash));
    return hashes.flatMap(([, key], at) => {
      const copy = found[at];
      return copy ? [{ key, copy: copy.key, tokenCount: copy.tokenCount }] : [];
    });
  }

  /** Lets usage forget those of the metadata entries that no conversation but these has. */
  async #forgetLabels(entries: readonly LabelValue[], ids: ReadonlySet<string>): Promise<void> {
    const { signal } = this;
    const { backend } = this.parts;
    const counted = (this.#countedLabels ??= await countedLabels(backend, signal));
    const some = entries.filter(({ label }) => counted.has(label));
    const labels = await unusedLabels(backend, some, ids, signal);
    if (labels.length === 0) return;
    const { usageGroups } = await backend.forget!({ isForgotten: undefined, labels, signal });
    this.#forgottenGroups += usageGroups;
  }

  async #isStoredAgain(): Promise<boolean> {
    const { backend } = this.parts;
    for await (const ids of selected(backend, this.input.selection, this.signal, () => undefined))
      for (const id of ids) if ((await backend.getConversation(id)) !== undefined) return true;
    return false;
  }
}

interface Shared {
  readonly key: SegmentKey;
  /** One that is stored, if it is a copy. */
  readonly copy?: SegmentKey;
  readonly tokenCount: number;
  readonly references?: number;
}

function figuresOf(
  { conversations, messages, tokens, missing, segments }: ErasedContent,
  shared: ReadonlySet<SegmentKey>,
) {
  let [segmentTokens, sharedTokens] = [0, 0];
  for (const [key, tokenCount] of segments) {
    if (shared.has(key)) sharedTokens += tokenCount;
    else segmentTokens += tokenCount;
  }
  const erased = { segments: segments.size - shared.size, segmentTokens };
  return { conversations, messages, tokens, missing, ...erased, sharedSegments: shared.size, sharedTokens };
}

/** Returns the longest of them. */
async function describeShared(backend: StorageBackend, shared: readonly Shared[]): Promise<SharedContent[]> {
  const longest = [...shared].sort((a, b) => b.tokenCount - a.tokenCount).slice(0, SHARED_LISTED);
  const described: SharedContent[] = [];
  for (const { key: own, copy: key = own, tokenCount } of longest) {
    const [references] = await backend.countReferences([key]);
    if (references === undefined) continue;
    const [hash] = await backend.readHashes([key]);
    described.push({ hash: hash!, tokenCount, references });
  }
  return described;
}
