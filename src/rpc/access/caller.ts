import protobuf from 'protobufjs';
import { callerEnded, everyone, type Identity, type Right, stranger } from '../../identity/index.js';
import { isStowkenError, StowkenError } from '../../model/index.js';

/** Tag of the field `vault` of every request that is a whole message: number 1, a text. */
const vaultTag = (1 << 3) | 2;

/** Identity behind one call, and the rights that its method needs. */
export class Caller {
  #vault: string | undefined;

  constructor(
    private identity: Identity,
    private readonly needed: readonly Right[],
    /** Called with every refusal, before it is thrown. */
    private readonly onDenied: (error: StowkenError, vault?: string) => void = () => undefined,
    /** Identifies the caller again by what it presented; absent if it presented nothing. */
    private readonly identify?: () => Identity | Promise<Identity>,
  ) {}

  /**
   * Checks that the caller has the rights for some vault, before anything of the request is read.
   * @throws StowkenError PERMISSION_DENIED
   */
  checkAnyVault(): void {
    const right = this.identity.missing(this.needed);
    if (right === undefined) return;
    const sentence = `${this.identity.name} has no right "${right}" for any vault`;
    throw this.#denied(new StowkenError('PERMISSION_DENIED', sentence, { right }));
  }

  /** False if nobody is asked who they are, or this one need not say it. */
  get isKnown(): boolean {
    return this.identity !== everyone && this.identity !== stranger;
  }

  /** Name of the identity, for logs. It is not secret. */
  get name(): string {
    return this.identity.name;
  }

  /** Vault of the request, once the caller was found to have the rights for it. There may be none such. */
  get vault(): string | undefined {
    return this.#vault;
  }

  /**
   * Checks that the caller has the rights for the vault. To be called before the vault is looked up, so that
   * the answer is the same whether it exists or not.
   * @throws StowkenError PERMISSION_DENIED
   */
  check(vault: string): void {
    if (this.identity.may(this.needed, vault)) {
      this.#vault = vault;
      return;
    }
    const right = this.needed.find((each) => !this.identity.may([each], vault)) ?? 'any';
    const sentence = `${this.identity.name} has no right "${right}" for the vault ${JSON.stringify(vault)}`;
    throw this.#denied(new StowkenError('PERMISSION_DENIED', sentence, { right, vault }), vault);
  }

  /** True if what admitted the caller may end before its call does. */
  get canEnd(): boolean {
    return this.identify !== undefined;
  }

  /**
   * Checks that the caller would still be admitted, with the rights for the vault that it was found to have.
   * @throws StowkenError UNAUTHENTICATED, PERMISSION_DENIED, IDENTITY_UNAVAILABLE
   */
  async checkAgain(): Promise<void> {
    if (this.identify === undefined) return;
    this.identity = await this.#identifyAgain(this.identify);
    if (this.#vault === undefined) this.checkAnyVault();
    else this.check(this.#vault);
  }

  /** True if the caller may do in the vault, or in every vault if there is none, what the call does. */
  may(vault: string | undefined): boolean {
    return vault === undefined
      ? this.identity.mayEverywhere(this.needed)
      : this.identity.may(this.needed, vault);
  }

  /** True if the caller has any right for the vault. */
  sees(vault: string): boolean {
    return this.identity.may([], vault);
  }

  /**
   * Checks the vault that a request begins with. `start`: the request, or its first bytes, which are
   * enough as a rule. Whoever may not use a vault has no large request kept or decoded. `check` decides
   * when the request was read: it may name its vault elsewhere.
   * @throws StowkenError PERMISSION_DENIED
   */
  checkAhead(start: Buffer): void {
    if (start[0] !== vaultTag || this.identity.mayEverywhere(this.needed)) return;
    const vault = firstText(start);
    if (vault !== undefined && vault !== '') this.check(vault);
  }

  async #identifyAgain(identify: () => Identity | Promise<Identity>): Promise<Identity> {
    try {
      if (Date.now() >= this.identity.untilMs) throw callerEnded();
      return await identify();
    } catch (error) {
      if (!isStowkenError(error, 'UNAUTHENTICATED')) throw error;
      throw this.#denied(callerEnded(), this.#vault);
    }
  }

  #denied(error: StowkenError, vault?: string): StowkenError {
    this.onDenied(error, vault);
    return error;
  }
}

/** Returns the caller of a call on a server that asks nobody who they are. */
export const anyCaller = (): Caller => new Caller(everyone, []);

/** Returns the caller of an open service who does not prove who it is: it sees no vault. */
export const unknownCaller = (): Caller => new Caller(stranger, []);

function firstText(start: Buffer): string | undefined {
  try {
    const reader = new protobuf.BufferReader(start);
    reader.uint32();
    return reader.string();
  } catch {
    return undefined; // It has not come yet, or is malformed, which is reported when the request is read.
  }
}
