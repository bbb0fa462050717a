import type { IdentityOptions } from './authenticator.js';
import { readTlsMaterial, type TlsOptions } from './tls-material.js';

/** Settings of who may call; plain values, which workers receive from their primary. */
export interface AccessOptions {
  /** If absent, nobody is asked who they are, and everybody may do everything. */
  readonly identity: IdentityOptions | undefined;
  /** True if the health service answers callers that present nothing. */
  readonly openHealth: boolean;
  /** True if reflection does. */
  readonly openReflection: boolean;
}

/** Settings of a server that asks nobody. */
export const openAccess: AccessOptions = { identity: undefined, openHealth: true, openReflection: true };

/**
 * Checks the files of TLS and of identities, by reading them. Called before a vault is opened or created, so
 * that a start with wrong ones leaves nothing behind.
 * @throws Error that names the file that cannot be used
 */
export async function checkAccess(tls: TlsOptions | undefined, { identity }: AccessOptions): Promise<void> {
  if (tls !== undefined) await readTlsMaterial(tls);
  if (identity !== undefined) await (await import('./authenticator.js')).readIdentities(identity);
}
