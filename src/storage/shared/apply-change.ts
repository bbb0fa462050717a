import { tokenizerChanged } from '../../model/index.js';
import type { Change, ChangeResult, ManifestOutcome, StoredTotals } from '../contract/change.js';
import type { ChangeOps, ChangeOpsInTurn, ManifestPlanInTurn, Part, RequestMemory } from './change-ops.js';
import type { ResultDraft } from './change-results.js';
import { putAndForked } from './refusals.js';
import { checkRegistries } from './registry-checks.js';
import { atOnce, settled, type Steps } from './steps.js';
import { usageOf } from './usage.js';

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
  ops: ChangeOps<Incoming> & RequestMemory,
  change: Change,
  sequenceMax: number,
): ChangePlan {
  const { request } = change;
  const replayed = request && ops.replay(request);
  if (replayed) return { changesNothing: true, apply: () => ({ result: replayed, wrote: false }) };
  const plan = atOnce(planSteps(ops, change, sequenceMax));
  return {
    changesNothing: plan.changesNothing,
    apply: () => {
      const applied = atOnce(plan.apply());
      if (!request) return applied;
      ops.remember(request, applied.result);
      return { result: applied.result, wrote: true };
    },
  };
}

/** A change whose preconditions hold, to be made in steps. */
export interface PlanInSteps extends Pick<ChangePlan, 'changesNothing'> {
  apply(): Steps<AppliedChange>;
}

/**
 * Checks a change as planChange() does, in steps, without a look at its request. This is the one place that
 * has the order of a change.
 */
export function* planSteps<Incoming>(
  ops: ChangeOpsInTurn<Incoming>,
  change: Change,
  sequenceMax: number,
): Steps<PlanInSteps> {
  checkRegistries(
    change,
    (id) => ops.hasRegistry(id),
    () => ops.lastRegistryId(),
  );
  const putsTokenizer = change.putTokenizer && (yield* isNewTokenizer(ops, change.putTokenizer));
  const incoming = yield* settled(ops.resolveIncoming(change.newSegments ?? []));
  if (change.put && change.fork?.newId === change.put.spec.id) throw putAndForked(change.put.spec.id);
  const put = change.put && (yield* settled(ops.planPut(change.put, incoming)));
  const append = change.append && (yield* settled(ops.planAppend(change.append, incoming)));
  const fork = change.fork && (yield* settled(ops.planFork(change.fork)));
  if (change.delete) yield* settled(ops.checkDelete(change.delete));
  if (change.collect ?? change.deleteSegments) yield* settled(ops.checkReferencesKnown());

  if (isUnchanged(change, put, fork)) {
    const result: ResultDraft = {};
    if (put?.unchanged) result.put = put.unchanged;
    if (fork?.unchanged) result.fork = fork.unchanged;
    return { changesNothing: true, apply: () => settled({ result, wrote: false }) };
  }
  const parts = { incoming, put, append, fork, putsTokenizer };
  return { changesNothing: false, apply: () => applySteps(ops, change, parts, sequenceMax) };
}

/** Parts of a change whose preconditions hold. */
interface PlannedParts<Incoming> {
  readonly incoming: Incoming;
  readonly put: ManifestPlanInTurn | undefined;
  readonly append: ManifestPlanInTurn | undefined;
  readonly fork: ManifestPlanInTurn | undefined;
  readonly putsTokenizer: boolean | undefined;
}

/**
 * Makes a change in steps. Not a generator inside planSteps(): V8 gives each closure that is a generator a
 * map in the old space, which keeps the closure, and with it the whole change, until a full collection of
 * garbage.
 */
function* applySteps<Incoming>(
  ops: ChangeOpsInTurn<Incoming>,
  change: Change,
  { incoming, put, append, fork, putsTokenizer }: PlannedParts<Incoming>,
  sequenceMax: number,
): Steps<AppliedChange> {
  const result: ResultDraft = {};
  yield* settled(ops.storeIncoming(incoming));
  if (put) result.put = put.unchanged ?? (yield* written(ops, change, put, change.put));
  if (append) result.append = yield* written(ops, change, append, change.append);
  if (fork) result.fork = fork.unchanged ?? (yield* written(ops, change, fork));
  if (change.delete) result.delete = yield* settled(ops.deleteConversation(change.delete));
  if (change.addReferences) result.addReferences = yield* settled(ops.addReferences(change.addReferences));
  yield* settled(ops.markUnreferenced(incoming));
  if (change.removeReferences)
    result.removeReferences = yield* settled(ops.removeReferences(change.removeReferences));
  if (change.deleteSegments)
    result.deleteSegments = yield* settled(ops.deleteSegments(change.deleteSegments, sequenceMax));
  if (change.putRegistry) yield* settled(ops.putRegistry(change.putRegistry));
  if (change.putTokenizer && putsTokenizer) yield* settled(ops.putTokenizer(change.putTokenizer));
  if (change.replaceFrames) result.replaceFrames = yield* settled(ops.replaceFrames(change.replaceFrames));
  if (change.dropRegistries)
    result.dropRegistries = yield* settled(ops.dropRegistries(change.dropRegistries));
  if (change.collect) result.collect = yield* settled(ops.collect(change.collect, sequenceMax));
  return { result, wrote: true };
}

/** Writes a manifest and counts its usage. `part` is what says its messages; a fork has none. */
function* written(
  ops: Pick<ChangeOpsInTurn<unknown>, 'countUsage'>,
  { put, storedEarlier }: Change,
  plan: ManifestPlanInTurn,
  part?: Part<'put' | 'append'>,
): Steps<ManifestOutcome> {
  const outcome = withEarlier(yield* settled(plan.write()), part && storedEarlier);
  const prefixTokens = plan.prefixTokens ? yield* settled(plan.prefixTokens()) : 0;
  const isDated = put?.spec.createTimeMs !== undefined;
  const isNew = put?.keeps && isOfAbsent(put.expect);
  if (ops.countUsage)
    yield* settled(ops.countUsage(usageOf(outcome, part?.messages, prefixTokens, isDated, isNew)));
  return outcome;
}

/** True if a put expects that no conversation has its id. */
function isOfAbsent(expect: Part<'put'>['expect']): boolean {
  return expect.kind === 'revision' && expect.revision === 0;
}

/** Parts of a change that change nothing a caller sees if its content is stored already. */
const besides: ReadonlySet<keyof Change> = new Set(['fence', 'newSegments', 'storedEarlier', 'request']);

/** @throws StowkenError TOKENIZER_CHANGED if another vocabulary is kept under the name */
function* isNewTokenizer(
  ops: Pick<ChangeOpsInTurn<unknown>, 'keptTokenizer'>,
  { name, sha256 }: Part<'putTokenizer'>,
): Steps<boolean> {
  const kept = yield* settled(ops.keptTokenizer(name));
  if (kept !== undefined && kept.sha256 !== sha256) throw tokenizerChanged(name, kept.sha256, sha256);
  return kept === undefined;
}

type Unchanged = Pick<ManifestPlanInTurn, 'unchanged'>;

/** True if the change is only a put or fork of content that is stored already. */
function isUnchanged(change: Change, put?: Unchanged, fork?: Unchanged): boolean {
  if (!put?.unchanged && !fork?.unchanged) return false;
  return (Object.keys(change) as (keyof Change)[]).every((part) => {
    if (part === 'put') return put?.unchanged !== undefined;
    if (part === 'fork') return fork?.unchanged !== undefined;
    return besides.has(part) || change[part] === undefined;
  });
}

function withEarlier(outcome: ManifestOutcome, earlier: StoredTotals | undefined): ManifestOutcome {
  if (earlier === undefined) return outcome;
  return {
    ...outcome,
    newSegments: outcome.newSegments + earlier.segments,
    newTokens: outcome.newTokens + earlier.tokens,
    newFrameBytes: outcome.newFrameBytes + earlier.frameBytes,
  };
}
