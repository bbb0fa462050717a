import type { VaultStats } from '../model/index.js';
import type { CallControl } from './connection-types.js';
import type { Preparation } from './preparation.js';

export interface CollectGarbageOptions extends CallControl {
  readonly dryRun?: boolean;
  readonly minAgeMs?: number;
  /** True to get parts before the plan that report the progress of the preparation. */
  readonly reportPreparation?: boolean;
}

/** A plan; progress, unless it is a dry run; a summary. Bytes are those of frames. */
export type CollectPart =
  | Preparation
  | { readonly kind: 'plan' | 'progress'; readonly segments: number; readonly bytes: number }
  | {
      readonly kind: 'summary';
      readonly segments: number;
      readonly bytes: number;
      readonly keptSegments: number;
    };

export interface Stats extends VaultStats {
  readonly rawBytes: number;
  readonly uniqueRawBytes: number;
}

export interface Capabilities {
  readonly version: string;
  readonly storage: string;
  readonly tokenizers: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Empty for a server that does not describe them. */
  readonly tokenizerInfos: readonly {
    readonly name: string;
    readonly kind: string;
    readonly vocabularySize: number;
    readonly sha256: string;
    /** Added tokens beside which text does not come back letter by letter. */
    readonly changesBeside: readonly string[];
  }[];
}
