import type { OpenState } from './open-vaults.js';

/** Health of the vaults of a server. */
export interface VaultsHealth {
  /** False if no vault that was needed takes changes. */
  readonly writable: boolean;
  readonly cause?: string | undefined;
  /** States of the vaults that are open or did not open, by name. */
  readonly vaults: ReadonlyMap<string, VaultHealth>;
}

export interface VaultHealth {
  readonly writable: boolean;
  readonly cause?: string;
  /** Damaged records, in words. They do not keep the rest of the vault from being served. */
  readonly damage?: string | undefined;
}

/** Combines the states of vaults: one that fails does not make the server as a whole unhealthy. */
export function healthOf(states: ReadonlyMap<string, OpenState>): VaultsHealth {
  const failing = [...states].filter(([, { writable }]) => !writable);
  if (failing.length === 0 || failing.length < states.size) return { writable: true, vaults: states };
  const [name, { cause }] = failing[0]!;
  return { writable: false, cause: `${name}: ${cause}`, vaults: states };
}

export function sameHealth(a: VaultsHealth, b: VaultsHealth): boolean {
  if (a.writable !== b.writable || a.cause !== b.cause || a.vaults.size !== b.vaults.size) return false;
  for (const [name, { writable, cause, damage }] of a.vaults) {
    const other = b.vaults.get(name);
    if (other?.writable !== writable || other.cause !== cause || other.damage !== damage) return false;
  }
  return true;
}
