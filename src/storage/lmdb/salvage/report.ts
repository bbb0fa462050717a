import type { VaultStats } from '../../../model/index.js';
import type { Violation } from '../../contract/checks.js';
import type { LostPage } from './read-tables.js';

export interface LostConversation {
  /** Undefined if neither its record nor the index of ids could be read. */
  readonly id: string | undefined;
  readonly number: number;
  readonly what: string;
}

/** Result of a salvage: content found and lost. */
export interface SalvageReport {
  readonly vaultId: string;
  /** Contents of the new vault. */
  readonly stats: VaultStats;
  readonly lost: {
    readonly conversations: readonly LostConversation[];
    /** Segments found damaged. Those on completely lost pages are not known. */
    readonly segments: readonly number[];
    readonly registries: readonly number[];
    readonly pages: readonly LostPage[];
    /** Records with a wrong checksum, by table. */
    readonly records: Readonly<Record<string, number>>;
  };
  /** Content found on unreachable pages: intact, but perhaps older than the last state. */
  readonly orphaned: {
    /** Ids of kept conversations: they may have been changed or deleted since. */
    readonly conversations: readonly string[];
    /** Records, by table. */
    readonly records: Readonly<Record<string, number>>;
  };
  /**
   * Violations that verify still reports in the new vault: none, unless salvage does not know this kind of
   * damage.
   */
  readonly violations: readonly Violation[];
}

/** True if nothing of the vault is known to be missing. */
export function isComplete({ lost, violations }: SalvageReport): boolean {
  const { conversations, segments, registries, pages, records } = lost;
  const counts = [conversations, segments, registries, pages, Object.keys(records), violations];
  return counts.every(({ length }) => length === 0);
}
