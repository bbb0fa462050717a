import type { CallControl } from './connection-types.js';
import type * as W from './generated/responses.js';
import { fromUint64, fromWireTime } from './numbers.js';

/** Ids, or labels, not both. */
export interface EraseOptions extends CallControl {
  readonly ids?: readonly string[];
  /** Erases the conversations whose metadata has all of these entries. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean;
  /** Limit of the wait for calls that read what is to be erased; the server's default if absent. */
  readonly waitMs?: number;
}

const phases = {
  ERASE_PHASE_UNSPECIFIED: 'unknown',
  ERASE_PHASE_DELETING: 'deleting',
  ERASE_PHASE_COLLECTING: 'collecting',
  ERASE_PHASE_FORGETTING: 'forgetting',
  ERASE_PHASE_REGISTRIES: 'registries',
  ERASE_PHASE_OVERWRITING: 'overwriting',
  ERASE_PHASE_VERIFYING: 'verifying',
} as const satisfies Record<W.ErasePhase, string>;

export type ErasePhase = (typeof phases)[keyof typeof phases];

const gaps = {
  ERASE_GAP_UNSPECIFIED: 'unknown',
  ERASE_GAP_READERS: 'readers',
  ERASE_GAP_DAMAGE: 'damage',
  ERASE_GAP_REGISTRIES: 'registries',
  ERASE_GAP_STORED: 'stored',
  ERASE_GAP_DATABASE: 'database',
} as const satisfies Record<W.EraseGap, string>;

/** A reason why an erasure is not complete: a second call, later, may finish it. */
export type EraseGap = (typeof gaps)[keyof typeof gaps];

/** Content of what was erased that stays, because others refer to it. */
export interface SharedContent {
  readonly hash: string;
  readonly tokens: number;
  readonly references: number;
}

/** Receipt of an erasure, which is complete and proven if `gaps` is empty. */
export interface EraseReceipt {
  readonly kind: 'receipt';
  readonly timeMs: number;
  readonly isDryRun: boolean;
  readonly conversations: number;
  readonly messages: number;
  readonly tokens: number;
  readonly missing: number;
  readonly segments: number;
  readonly segmentTokens: number;
  readonly sharedSegments: number;
  readonly sharedTokens: number;
  readonly shared: readonly SharedContent[];
  readonly children: number;
  readonly forgottenRequests: number;
  readonly forgottenUsageGroups: number;
  readonly registriesCompared: number;
  readonly registriesReplaced: readonly number[];
  readonly pagesInUse: number;
  readonly pagesFree: number;
  readonly overwrittenBytes: number;
  readonly violations: number;
  readonly gaps: readonly EraseGap[];
}

export type ErasePart =
  { readonly kind: 'progress'; readonly phase: ErasePhase; readonly conversations: number } | EraseReceipt;

export function fromWireErase(message: W.EraseConversationsResponse): ErasePart | undefined {
  switch (message.part) {
    case undefined:
      return undefined;
    case 'progress': {
      const { phase, conversations } = message.progress;
      return {
        kind: 'progress',
        phase: typeof phase === 'number' ? 'unknown' : phases[phase],
        conversations: fromUint64('conversations', conversations),
      };
    }
    case 'receipt':
      return fromWireReceipt(message.receipt);
  }
}

const figures = [
  'conversations',
  'messages',
  'tokens',
  'missing',
  'segments',
  'segmentTokens',
  'sharedSegments',
  'sharedTokens',
  'children',
  'forgottenRequests',
  'forgottenUsageGroups',
  'registriesCompared',
  'pagesInUse',
  'pagesFree',
  'overwrittenBytes',
  'violations',
] as const satisfies readonly (keyof W.EraseReceipt)[];

function fromWireReceipt(receipt: W.EraseReceipt): EraseReceipt {
  const numbers = Object.fromEntries(
    figures.map((name) => [name, fromUint64(name, receipt[name])]),
  ) as Record<(typeof figures)[number], number>;
  return {
    kind: 'receipt',
    timeMs: fromWireTime('time', receipt.time) ?? 0,
    isDryRun: receipt.dryRun,
    ...numbers,
    shared: receipt.shared.map(({ hash, tokens, references }) => ({
      hash,
      tokens: fromUint64('tokens', tokens),
      references: fromUint64('references', references),
    })),
    registriesReplaced: receipt.registriesReplaced,
    gaps: receipt.gaps.map((gap) => (typeof gap === 'number' ? 'unknown' : gaps[gap])),
  };
}
