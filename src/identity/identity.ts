import { matchesVault } from './vault-pattern.js';

/** Rights, each of them for a set of vaults. None of them contains another one. */
export const rights = ['read', 'write', 'delete', 'maintain', 'admin'] as const;

export type Right = (typeof rights)[number];

export function isRight(text: string): text is Right {
  return (rights as readonly string[]).includes(text);
}

/** Rights for the vaults that one of the patterns matches. */
export interface Grant {
  readonly rights: readonly Right[];
  readonly vaults: readonly string[];
}

/** A caller that the server knows. */
export class Identity {
  constructor(
    /** Name for logs. It is not secret. */
    readonly name: string,
    private readonly grants: readonly Grant[],
    /** Time at which it ends, since 1970, if what proves it says so itself. */
    readonly untilMs: number = Infinity,
  ) {}

  /** True if it has all of these rights for the vault, and any right at all if these are none. */
  may(needed: readonly Right[], vault: string): boolean {
    const own = this.grants.filter(({ vaults }) => vaults.some((each) => matchesVault(each, vault)));
    return own.some((grant) => grant.rights.length > 0) && needed.every((right) => hasRight(own, right));
  }

  /** Returns the first of these rights that it has for no vault. */
  missing(needed: readonly Right[]): Right | undefined {
    return needed.find((right) => !hasRight(this.grants, right));
  }

  /** True if it has all of these rights for every vault. */
  mayEverywhere(needed: readonly Right[]): boolean {
    const own = this.grants.filter(({ vaults }) => vaults.includes('*'));
    return own.some((grant) => grant.rights.length > 0) && needed.every((right) => hasRight(own, right));
  }
}

function hasRight(grants: readonly Grant[], right: Right): boolean {
  return grants.some((grant) => grant.rights.includes(right));
}

/** Identity of all callers of a server that asks for none. */
export const everyone = new Identity('everyone', [{ rights, vaults: ['*'] }]);

/** Identity of callers of an open service who do not prove who they are. */
export const stranger = new Identity('unknown', []);
