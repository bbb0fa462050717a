import type { StorageBackend } from '../storage/index.js';
import type { CheckFigures, OpenState } from '../vaults/index.js';
import type { Samples } from './samples.js';
import type { VaultMeters } from './vault-meters.js';

/** Vaults of the process that owns them. */
export interface WatchedVaults {
  /** Vaults that are open, or did not open. */
  states(): ReadonlyMap<string, OpenState>;
  openRuntime(name: string): WatchedVault | undefined;
}

interface WatchedVault {
  readonly backend: Pick<StorageBackend, 'stats' | 'listRegistries'>;
  /** Undefined or 0: it may grow. */
  readonly quotaBytes: number | undefined;
  /** Undefined for a storage that is not checked. */
  readonly check: { readonly figures: CheckFigures } | undefined;
}

const tokenBytes = 4;

/** Adds what open vaults hold, read at this moment; what has the same label is summed. */
export async function collectVaults(
  samples: Samples,
  vaults: WatchedVaults,
  meters: VaultMeters,
  openVaultsMax: number,
): Promise<void> {
  const byLabel = new Map<string, Figures>();
  const states = vaults.states();
  let open = 0;
  for (const [name, { writable, failed }] of states) {
    const { label } = meters.of(name);
    let figures = byLabel.get(label);
    if (figures === undefined) byLabel.set(label, (figures = new Figures()));
    if (!writable) figures.refusing += 1;
    const vault = failed ? undefined : vaults.openRuntime(name);
    if (vault === undefined) continue;
    open += 1;
    if (vault.check) figures.addCheck(vault.check.figures);
    // A vault that is being closed, or is damaged, keeps nobody from the figures of the others.
    await figures.add(vault).catch(() => undefined);
  }
  samples.set('stowken_open_vaults', {}, open);
  if (Number.isFinite(openVaultsMax)) samples.set('stowken_open_vaults_limit', {}, openVaultsMax);
  for (const [label, figures] of byLabel) figures.collect(samples, label);
}

/** Figures of the vaults under one label. */
class Figures {
  refusing = 0;
  #open = 0;
  #quotaBytes = 0;
  #registries = 0;
  #newestRegistry = 0;
  #conversations = 0;
  #messages = 0;
  #segments = 0;
  #tokens = 0;
  #uniqueTokens = 0;
  #segmentBytes = 0;
  #registryBytes = 0;
  #garbageSegments = 0;
  #garbageBytes = 0;
  #inUseBytes = 0;
  #fileBytes = 0;
  #damagedRecords: number | undefined;
  readonly #lastCheckMs: (number | undefined)[] = [];
  readonly #lastFullCheckMs: (number | undefined)[] = [];

  addCheck({ damaged, lastSuccessMs, lastWholeMs }: CheckFigures): void {
    this.#damagedRecords = (this.#damagedRecords ?? 0) + damaged;
    this.#lastCheckMs.push(lastSuccessMs);
    this.#lastFullCheckMs.push(lastWholeMs);
  }

  async add({ backend, quotaBytes = 0 }: WatchedVault): Promise<void> {
    const stats = await backend.stats();
    const registries = await backend.listRegistries();
    this.#open += 1;
    this.#quotaBytes += quotaBytes;
    this.#registries += registries.length;
    this.#newestRegistry = Math.max(this.#newestRegistry, registries.at(-1)?.id ?? 0);
    this.#conversations += stats.conversations;
    this.#messages += stats.messages;
    this.#segments += stats.segments;
    this.#tokens += stats.tokens;
    this.#uniqueTokens += stats.uniqueTokens;
    this.#segmentBytes += stats.segmentBytes;
    this.#registryBytes += stats.registryBytes;
    this.#garbageSegments += stats.garbageSegments;
    this.#garbageBytes += stats.garbageBytes;
    this.#inUseBytes += stats.inUseBytes;
    this.#fileBytes += stats.fileBytes;
  }

  collect(samples: Samples, vault: string): void {
    samples.set('stowken_vaults_refusing_writes', { vault }, this.refusing);
    this.#collectChecks(samples, vault);
    if (this.#open === 0) return;
    samples.set('stowken_vault_conversations', { vault }, this.#conversations);
    samples.set('stowken_vault_messages', { vault }, this.#messages);
    samples.set('stowken_vault_segments', { vault }, this.#segments);
    samples.set('stowken_vault_tokens', { vault }, this.#tokens);
    samples.set('stowken_vault_unique_tokens', { vault }, this.#uniqueTokens);
    samples.set('stowken_vault_raw_bytes', { vault }, tokenBytes * this.#tokens);
    samples.set('stowken_vault_unique_raw_bytes', { vault }, tokenBytes * this.#uniqueTokens);
    samples.set('stowken_vault_segment_bytes', { vault }, this.#segmentBytes);
    samples.set('stowken_vault_registry_bytes', { vault }, this.#registryBytes);
    samples.set('stowken_vault_registries', { vault }, this.#registries);
    samples.set('stowken_vault_newest_registry', { vault }, this.#newestRegistry);
    samples.set('stowken_vault_garbage_segments', { vault }, this.#garbageSegments);
    samples.set('stowken_vault_garbage_bytes', { vault }, this.#garbageBytes);
    samples.set('stowken_vault_in_use_bytes', { vault }, this.#inUseBytes);
    samples.set('stowken_vault_file_bytes', { vault }, this.#fileBytes);
    samples.set('stowken_vault_free_bytes', { vault }, Math.max(0, this.#fileBytes - this.#inUseBytes));
    if (this.#quotaBytes > 0) samples.set('stowken_vault_quota_bytes', { vault }, this.#quotaBytes);
  }

  #collectChecks(samples: Samples, vault: string): void {
    if (this.#damagedRecords === undefined) return;
    samples.set('stowken_vault_damaged_records', { vault }, this.#damagedRecords);
    const last = earliest(this.#lastCheckMs);
    const full = earliest(this.#lastFullCheckMs);
    if (last !== undefined) samples.set('stowken_vault_last_check_timestamp_seconds', { vault }, last / 1000);
    if (full !== undefined)
      samples.set('stowken_vault_last_full_check_timestamp_seconds', { vault }, full / 1000);
  }
}

/** Returns the earliest of the times that there are. */
function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
