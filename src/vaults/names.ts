import { limits, StowkenError } from '../model/index.js';

/** Name of the vault that a request means if it names none. It exists from the start. */
export const defaultVault = 'default';

/** Names that are safe as folders, whatever the file system. */
const pattern = /^[a-z0-9_-]{1,63}$/;

export function isVaultName(name: string): boolean {
  return pattern.test(name);
}

export function vaultNotFound(name: string): StowkenError {
  return new StowkenError('VAULT_NOT_FOUND', `there is no vault ${JSON.stringify(name)}`, {
    resource_type: 'vault',
    resource_name: name,
  });
}

export function invalidName(name: string): StowkenError {
  return new StowkenError(
    'INVALID_FIELD',
    `vault is ${JSON.stringify(name.slice(0, limits.labelBytesMax))}; a name has 1 to 63 characters of a-z, 0-9, "-" and "_"`,
    { field: 'vault', value: name.slice(0, limits.labelBytesMax), limit: '63' },
  );
}
