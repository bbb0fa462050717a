import type { RpcServerOptions } from '../../src/rpc/index.js';
import type { Vault } from '../../src/vault/index.js';
import { healthOf, OpenVaults, vaultNotFound, type VaultAdmin } from '../../src/vaults/index.js';

/** Options of a server with one vault, under its own name, which the caller opens and closes. */
export function singleVault(vault: Vault): Pick<RpcServerOptions, 'vaults' | 'admin' | 'health'> {
  const refuse = async (name: string): Promise<never> => Promise.reject(vaultNotFound(name));
  const admin: VaultAdmin = {
    create: refuse,
    get: refuse,
    update: refuse,
    list: async () => ({ vaults: [] }),
    retention: refuse,
    delete: refuse,
  };
  const vaults = new OpenVaults({
    open: async (name) => {
      if (name !== vault.name) throw vaultNotFound(name);
      return { vault, health: () => ({ writable: true }), close: async () => undefined };
    },
    openMax: 1,
    waitMs: 0,
    retryMs: 0,
  });
  return { vaults, admin, health: () => healthOf(vaults.states()) };
}
