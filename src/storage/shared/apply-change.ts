import { type SegmentHash, tokenizerChanged } from '../../model/index.js';
import type {
  Change,
  ChangeResult,
  DeletionOutcome,
  FrameReplacement,
  KeptTokenizer,
  ManifestOutcome,
  NewSegment,
  OutsideReference,
  ReferenceOutcome,
  RequestMark,
  StoredTotals,
} from '../contract/change.js';
import type { ResultDraft } from './change-results.js';
import { usageOf, type UsageEvent } from './usage.js';
import { checkRegistries } from './registry-checks.js';

/** Type of an optional part of a change, once it is known to be present. */
export type Part<Name extends keyof Change> = NonNullable<Change[Name]>;

/** A put, append or fork whose preconditions hold. */
export interface ManifestPlan {
  /** Outcome if the very same content is stored already: then there is nothing to write. */
  readonly unchanged?: ManifestOutcome;
  /** Writes the manifest. */
  write(): ManifestOutcome;
  /** Returns the tokens written that another conversation begins with too. To be called after write(). */
  prefixTokens?(): number;
}

/**
 * Operations that a backend provides so that changes can be applied. They act on one commit in progress; each
 * sees the effects of those before it. `Incoming` is the backend's state of the segments that a change
 * stores.
 *
 * Methods named plan* and check* write nothing; an error that they throw refuses this change alone. An error
 * that any other method throws aborts the commit.
 */
export interface ChangeOps<Incoming> {
  /**
   * Returns the result of the request with this id, if it is still remembered.
   * @throws StowkenError REQUEST_ID_REUSED
   */
  replay(request: RequestMark): ChangeResult | undefined;
  remember(request: RequestMark, result: ChangeResult): void;

  hasRegistry(id: number): boolean;
  /** Returns the greatest id of a registry, 0 if there is none. */
  lastRegistryId(): number;
  putRegistry(registry: Part<'putRegistry'>): void;
  /** Removes the registries that no frame names. Returns their ids. */
  dropRegistries(ids: readonly number[]): number[];

  /** Returns the vocabulary that is kept under a name. @throws StowkenError UNSUPPORTED_BY_STORAGE */
  keptTokenizer(name: string): KeptTokenizer | undefined;
  putTokenizer(tokenizer: Part<'putTokenizer'>): void;

  /** Looks up which of the new segments are stored already. */
  resolveIncoming(segments: readonly NewSegment[]): Incoming;
  /** Stores the segments that are not stored already. */
  storeIncoming(incoming: Incoming): void;
  /** Makes those segments garbage from now on that nothing refers to. */
  markUnreferenced(incoming: Incoming): void;

  planPut(put: Part<'put'>, incoming: Incoming): ManifestPlan;
  planAppend(append: Part<'append'>, incoming: Incoming): ManifestPlan;
  planFork(fork: Part<'fork'>): ManifestPlan;
  checkDelete(conversation: Part<'delete'>): void;
  deleteConversation(conversation: Part<'delete'>): NonNullable<ChangeResult['delete']>;

  /** Counts usage, in storages that do. */
  countUsage?(event: UsageEvent): void;

  addReferences(references: readonly OutsideReference[]): ReferenceOutcome[];
  removeReferences(references: readonly OutsideReference[]): ReferenceOutcome[];

  /** Checks that no reference record is damaged, before anything without references is deleted. */
  checkReferencesKnown(): void;
  /** Deletes segments that were garbage at commit `sequenceMax` and still are. */
  deleteSegments(hashes: readonly SegmentHash[], sequenceMax: number): DeletionOutcome[];
  collect(part: Part<'collect'>, sequenceMax: number): NonNullable<ChangeResult['collect']>;
  replaceFrames(replacements: readonly FrameReplacement[]): boolean[];
}

/** A change whose preconditions hold. */
export interface ChangePlan {
  /** True if the stored state stays as it is, but for the memory of a request. */
  readonly changesNothing: boolean;
  /** Makes the change. If it throws, the whole commit must be aborted. */
  apply(): AppliedChange;
}

export interface AppliedChange {
  readonly result: ChangeResult;
  /** True if there is something to commit. */
  readonly wrote: boolean;
}

/**
 * Checks the preconditions of a change, in the order that StorageBackend.commit documents. An error thrown
 * here refuses this change, which has changed nothing. `sequenceMax` is the last commit that every open
 * snapshot saw: segments that became garbage later may still be read.
 */
export function planChange<Incoming>(
  ops: ChangeOps<Incoming>,
  change: Change,
  sequenceMax: number,
): ChangePlan {
  const { request } = change;
  const replayed = request && ops.replay(request);
  if (replayed) return { changesNothing: true, apply: () => ({ result: replayed, wrote: false }) };
  const plan = planParts(ops, change, sequenceMax);
  if (!request) return plan;
  return {
    changesNothing: plan.changesNothing,
    apply: () => {
      const { result } = plan.apply();
      ops.remember(request, result);
      return { result, wrote: true };
    },
  };
}

function planParts<Incoming>(ops: ChangeOps<Incoming>, change: Change, sequenceMax: number): ChangePlan {
  checkRegistries(
    change,
    (id) => ops.hasRegistry(id),
    () => ops.lastRegistryId(),
  );
  const putsTokenizer = change.putTokenizer !== undefined && isNewTokenizer(ops, change.putTokenizer);
  const incoming = ops.resolveIncoming(change.newSegments ?? []);
  const put = change.put && ops.planPut(change.put, incoming);
  const append = change.append && ops.planAppend(change.append, incoming);
  const fork = change.fork && ops.planFork(change.fork);
  if (change.delete) ops.checkDelete(change.delete);
  if (change.collect ?? change.deleteSegments) ops.checkReferencesKnown();

  if (isUnchanged(change, put, fork)) {
    const result: ResultDraft = {};
    if (put?.unchanged) result.put = put.unchanged;
    if (fork?.unchanged) result.fork = fork.unchanged;
    return { changesNothing: true, apply: () => ({ result, wrote: false }) };
  }
  const apply = (): AppliedChange => {
    const result: ResultDraft = {};
    ops.storeIncoming(incoming);
    const isDated = change.put?.spec.createTimeMs !== undefined;
    const isNew = change.put?.keeps && isOfAbsent(change.put.expect);
    const count = (plan: ManifestPlan, outcome: ManifestOutcome, messages?: Part<'put'>['messages']) => {
      ops.countUsage?.(usageOf(outcome, messages, plan.prefixTokens?.() ?? 0, isDated, isNew));
      return outcome;
    };
    const { storedEarlier } = change;
    if (put)
      result.put = put.unchanged ?? count(put, withEarlier(put.write(), storedEarlier), change.put?.messages);
    if (append)
      result.append = count(append, withEarlier(append.write(), storedEarlier), change.append?.messages);
    if (fork) result.fork = fork.unchanged ?? count(fork, fork.write());
    if (change.delete) result.delete = ops.deleteConversation(change.delete);
    if (change.addReferences) result.addReferences = ops.addReferences(change.addReferences);
    ops.markUnreferenced(incoming);
    if (change.removeReferences) result.removeReferences = ops.removeReferences(change.removeReferences);
    if (change.deleteSegments) {
      result.deleteSegments = ops.deleteSegments(change.deleteSegments, sequenceMax);
    }
    if (change.putRegistry) ops.putRegistry(change.putRegistry);
    if (change.putTokenizer && putsTokenizer) ops.putTokenizer(change.putTokenizer);
    if (change.replaceFrames) result.replaceFrames = ops.replaceFrames(change.replaceFrames);
    if (change.dropRegistries) result.dropRegistries = ops.dropRegistries(change.dropRegistries);
    if (change.collect) result.collect = ops.collect(change.collect, sequenceMax);
    return { result, wrote: true };
  };
  return { changesNothing: false, apply };
}

/** True if a put expects that no conversation has its id. */
export function isOfAbsent(expect: Part<'put'>['expect']): boolean {
  return expect.kind === 'revision' && expect.revision === 0;
}

/** Parts of a change that change nothing a caller sees if its content is stored already. */
const besides: ReadonlySet<keyof Change> = new Set(['fence', 'newSegments', 'storedEarlier', 'request']);

/** @throws StowkenError TOKENIZER_CHANGED if another vocabulary is kept under the name */
function isNewTokenizer(
  ops: Pick<ChangeOps<unknown>, 'keptTokenizer'>,
  { name, sha256 }: Part<'putTokenizer'>,
): boolean {
  const kept = ops.keptTokenizer(name);
  if (kept !== undefined && kept.sha256 !== sha256) throw tokenizerChanged(name, kept.sha256, sha256);
  return kept === undefined;
}

type Unchanged = Pick<ManifestPlan, 'unchanged'>;

/** True if the change is only a put or fork of content that is stored already. */
export function isUnchanged(change: Change, put?: Unchanged, fork?: Unchanged): boolean {
  if (!put?.unchanged && !fork?.unchanged) return false;
  return (Object.keys(change) as (keyof Change)[]).every((part) => {
    if (part === 'put') return put?.unchanged !== undefined;
    if (part === 'fork') return fork?.unchanged !== undefined;
    return besides.has(part) || change[part] === undefined;
  });
}

export function withEarlier(outcome: ManifestOutcome, earlier: StoredTotals | undefined): ManifestOutcome {
  if (earlier === undefined) return outcome;
  return {
    ...outcome,
    newSegments: outcome.newSegments + earlier.segments,
    newTokens: outcome.newTokens + earlier.tokens,
    newFrameBytes: outcome.newFrameBytes + earlier.frameBytes,
  };
}
