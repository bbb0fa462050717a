import type { SegmentHash } from '../../model/index.js';
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
} from '../contract/change.js';
import type { Eventually } from './steps.js';
import type { UsageEvent } from './usage.js';

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
export interface ChangeOps<Incoming, Plan = ManifestPlan> extends RegistryFacts {
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

  planPut(put: Part<'put'>, incoming: Incoming): Plan;
  planAppend(append: Part<'append'>, incoming: Incoming): Plan;
  planFork(fork: Part<'fork'>): Plan;
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

/** Registries that are stored: known before a change begins. */
export interface RegistryFacts {
  hasRegistry(id: number): boolean;
  /** Returns the greatest id of a registry, 0 if there is none. */
  lastRegistryId(): number;
}

/** Memory of the requests that changes were made for. */
export interface RequestMemory {
  /**
   * Returns the result of the request with this id, if it is still remembered.
   * @throws StowkenError REQUEST_ID_REUSED
   */
  replay(request: RequestMark): ChangeResult | undefined;
  remember(request: RequestMark, result: ChangeResult): void;
}

/** The same operations for a storage to which each question is a trip: results may come later. */
export type ChangeOpsInTurn<Incoming> = RegistryFacts &
  InTurn<Omit<ChangeOps<Incoming, ManifestPlanInTurn>, keyof RegistryFacts>>;

export type ManifestPlanInTurn = InTurn<ManifestPlan>;

/** Methods that may resolve to their results later. */
type InTurn<Methods> = { [Name in keyof Methods]: MethodInTurn<Methods[Name]> };

type MethodInTurn<Method> = Method extends (...args: infer Args) => infer Result
  ? (...args: Args) => Eventually<Result>
  : Method;
