import { fromUint64, type WireTime } from './numbers.js';
import type { WireItemStatus } from './segment-wire.js';

/** The contract's messages as proto-loader gives and takes them, where the client touches them. */

export interface WireConversation {
  readonly id: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly revision: string;
  readonly totalTokens: string;
  readonly messageCount: number;
  readonly createTime: WireTime | null;
  readonly updateTime: WireTime | null;
  readonly expireTime: WireTime | null;
  readonly parentId: string;
  readonly metadata: Record<string, string>;
  readonly messages: readonly WireMessageInfo[];
}

export interface WireMessageInfo {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
  readonly tokenCount: string;
  readonly segments: readonly { readonly hash: string; readonly tokenCount: number }[];
}

export interface WireStoreResponse {
  readonly conversation: WireConversation;
  readonly totalSegments: string;
  readonly newSegments: string;
  readonly dedupedSegments: string;
  readonly newTokens: string;
  readonly storedBytes: string;
  /** Not of an append. */
  readonly unchanged?: boolean;
}

export interface WireGetResponse {
  readonly conversation: WireConversation;
  readonly nextMessageOffset: number;
}

export interface WireRetrieveManyResponse extends WireRetrieveResponse {
  readonly index: number;
  readonly status: WireItemStatus | null;
}

export interface WireDeleteManyResponse extends WireReleased {
  readonly conversations: string;
  readonly missing: string;
  readonly changed: string;
  readonly damaged: readonly WireDamaged[];
}

export interface WireChunk {
  readonly messageIndex: number;
  readonly tokenOffset: string;
  /** Which content there is. */
  readonly content?: 'tokens' | 'tokensLe32' | 'text';
  readonly tokensLe32?: Buffer;
  readonly text?: string;
  readonly endOfMessage: boolean;
  readonly replaced: boolean;
  readonly message: WireMessageInfo | null;
}

export interface WireRetrieveResponse {
  readonly part?: 'header' | 'chunk';
  readonly header?: WireConversation;
  readonly chunk?: WireChunk;
}

export interface WireListResponse {
  readonly conversations: readonly WireConversation[];
  readonly nextPageToken: string;
  readonly damaged: readonly WireDamaged[];
}

export interface WireDamaged {
  readonly id: string;
  readonly status: WireItemStatus;
}

export interface WireFindPrefixResponse {
  readonly matches: readonly { readonly conversation: WireConversation; readonly sharedTokens: string }[];
}

export interface WireReleased {
  readonly releasedReferences: string;
  readonly garbageSegments: string;
}

export interface WireDeleteResponse extends WireReleased {
  readonly missing: boolean;
}

export interface WireFigures {
  readonly segments: string;
  readonly bytes: string;
}

export interface WireCollectResponse {
  readonly part?: 'preparation' | 'plan' | 'progress' | 'summary';
  readonly preparation?: WirePreparation;
  readonly plan?: WireFigures;
  readonly progress?: WireFigures;
  readonly summary?: WireFigures & { readonly keptSegments: string };
}

export interface WireCapabilities {
  readonly version: string;
  readonly storage: string;
  readonly tokenizers: readonly string[];
  readonly limits: Record<string, string>;
}

export type PreparationPhase = 'checking' | 'sampling' | 'training' | 'unknown';

/** How far the work before a plan is. */
export interface Preparation {
  readonly kind: 'preparation';
  readonly phase: PreparationPhase;
  readonly done: number;
  readonly total: number;
}

/** As it comes: 64-bit numbers are decimal strings, enums are names. */
export interface WirePreparation {
  readonly phase: string;
  readonly done: string;
  readonly total: string;
}

const phases: Readonly<Record<string, PreparationPhase>> = {
  PREPARATION_PHASE_CHECKING: 'checking',
  PREPARATION_PHASE_SAMPLING: 'sampling',
  PREPARATION_PHASE_TRAINING: 'training',
};

export function fromWirePreparation({ phase, done, total }: WirePreparation): Preparation {
  return {
    kind: 'preparation',
    phase: phases[phase] ?? 'unknown',
    done: fromUint64('done', done),
    total: fromUint64('total', total),
  };
}
