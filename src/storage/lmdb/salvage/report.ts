import type { VaultStats } from '../../../model/index.js';
import type { Violation } from '../../contract/checks.js';
import type { LostPage } from './read-tables.js';

export interface LostConversation {
  /** Undefined where neither its record nor the index of ids could be read. */
  readonly id: string | undefined;
  readonly number: number;
  readonly what: string;
}

/** What a salvage found, and what it did not. */
export interface SalvageReport {
  readonly vaultId: string;
  /** What the new vault holds. */
  readonly stats: VaultStats;
  readonly lost: {
    readonly conversations: readonly LostConversation[];
    /** Segments that were found damaged. Those on pages that are lost as a whole are not known. */
    readonly segments: readonly number[];
    readonly registries: readonly number[];
    readonly pages: readonly LostPage[];
    /** Records that did not have their checksums, by table. */
    readonly records: Readonly<Record<string, number>>;
  };
  /** What was found on pages that nothing leads to any more: whole, but perhaps of a state before the last one. */
  readonly orphaned: {
    /** Ids of conversations that were kept: they may have been changed or deleted since. */
    readonly conversations: readonly string[];
    /** Records, by table. */
    readonly records: Readonly<Record<string, number>>;
  };
  /** What verify still names in the new vault: nothing, unless the damage was of a kind that salvage does not know. */
  readonly violations: readonly Violation[];
}

/** Whether anything of the vault is known to be missing. */
export function isComplete({ lost, violations }: SalvageReport): boolean {
  const { conversations, segments, registries, pages, records } = lost;
  const counts = [conversations, segments, registries, pages, Object.keys(records), violations];
  return counts.every(({ length }) => length === 0);
}
