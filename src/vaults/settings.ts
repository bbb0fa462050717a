import type { LabelValue, LifetimeRule, Lifetimes } from '../model/index.js';

/** Settings of one vault. One that is absent is as the server was started. */
export interface VaultSettings {
  readonly prefixIndex?: boolean | undefined;
  readonly autoCompact?: boolean | undefined;
  /** Limit of the bytes in use; none if it is 0. */
  readonly quotaBytes?: number | undefined;
  /** Metadata keys that lists and usage know. */
  readonly labels?: readonly string[] | undefined;
  /** See Lifetimes. */
  readonly lifetimeMs?: number | undefined;
  readonly lifetimes?: readonly LifetimeRule[] | undefined;
  readonly keep?: readonly LabelValue[] | undefined;
  /** Limits of conversations, and of the bytes of their segments; none if it is 0. The oldest go first. */
  readonly conversationsMax?: number | undefined;
  readonly contentBytesMax?: number | undefined;
  /** Lifetime of counts of usage; for ever if it is 0. */
  readonly keepUsageMs?: number | undefined;
}

export const settingNames = [
  'prefixIndex',
  'autoCompact',
  'quotaBytes',
  'labels',
  'lifetimeMs',
  'lifetimes',
  'keep',
  'conversationsMax',
  'contentBytesMax',
  'keepUsageMs',
] as const;
export type SettingName = (typeof settingNames)[number];

/** Returns the lifetimes of a vault's conversations; undefined: they live for ever. */
export function lifetimesIn({
  lifetimeMs = 0,
  lifetimes = [],
  keep = [],
}: VaultSettings): Lifetimes | undefined {
  if (lifetimeMs === 0 && lifetimes.length === 0) return undefined;
  return { lifetimeMs, rules: lifetimes, keep };
}

/** Facts about a vault that its store does not have. */
export interface VaultRecord {
  readonly settings: VaultSettings;
  /** Undefined for the default vault. */
  readonly createTimeMs?: number | undefined;
  /** Id of the store; undefined until it has been opened once. */
  readonly vaultId?: string | undefined;
  /** Id of the vault that it is a copy of; undefined from the moment on in which a server opens it. */
  readonly copyOf?: string | undefined;
}

/** Returns the settings with changes: those of `reset` absent, those of `changed` as there. */
export function changedSettings(
  settings: VaultSettings,
  changed: VaultSettings,
  reset: readonly SettingName[],
): VaultSettings {
  const kept = Object.entries(settings).filter(([name]) => !reset.includes(name as SettingName));
  return { ...Object.fromEntries(kept), ...changed };
}
