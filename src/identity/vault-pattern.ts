/** Names of vaults, and patterns of them that end with "*". */
const pattern = /^(?:[a-z0-9_-]{1,63}|[a-z0-9_-]{0,62}\*)$/;

/** Form of a pattern, for errors. */
export const vaultPatternForm =
  'a name of 1 to 63 of a-z, 0-9, - and _, or the beginning of names with a star: team-*, or * for every vault';

export function isVaultPattern(text: string): boolean {
  return pattern.test(text);
}

/** True if the pattern is the vault's name, or its beginning with a star. */
export function matchesVault(vaultPattern: string, vault: string): boolean {
  if (!vaultPattern.endsWith('*')) return vaultPattern === vault;
  return vault.startsWith(vaultPattern.slice(0, -1));
}
