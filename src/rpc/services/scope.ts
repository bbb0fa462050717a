import { StowkenError } from '../../model/index.js';
import type { Tokenizers } from '../../text/index.js';
import type { Vault } from '../../vault/index.js';
import type { IntakeSettings } from '../intake/index.js';
import type { CallScope } from '../calls/index.js';

/** What the services work with. */
export interface ServiceScope extends CallScope {
  readonly vaults: (name: string) => Vault | undefined;
  readonly tokenizers: Pick<Tokenizers, 'known'>;
  readonly version: string;
  readonly intake: IntakeSettings;
}

export function requireVault({ vaults }: ServiceScope, name: string): Vault {
  const vault = vaults(name);
  if (vault !== undefined) return vault;
  throw new StowkenError('VAULT_NOT_FOUND', `there is no vault ${JSON.stringify(name)}`, {
    resource_type: 'vault',
    resource_name: name,
  });
}
