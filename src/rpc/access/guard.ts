import type { Logger } from 'pino';
import { type AuditSink, methodName } from '../../audit/index.js';
import {
  type AccessOptions,
  type Authenticator,
  type Identity,
  loadAuthenticator,
  type Presented,
} from '../../identity/index.js';
import { isStowkenError, readOnly, type StowkenError } from '../../model/index.js';
import { anyCaller, Caller, unknownCaller } from './caller.js';
import { isAudited, isChanging, rightsOf } from './rights.js';

const healthPrefix = '/grpc.health.v1.Health/';
const reflectionPrefix = '/grpc.reflection.';

/** A call that was denied. */
interface Denied {
  readonly identity?: string;
  readonly path: string;
  readonly peer: string;
  readonly vault?: string | undefined;
  readonly reason: string;
}

/** Admits calls by their headers alone, before anything of their requests is kept. */
export class Guard {
  private constructor(
    private readonly options: AccessOptions,
    private readonly authenticator: Authenticator | undefined,
    private readonly audit: AuditSink,
    private readonly isReadOnly: boolean,
  ) {}

  /** @throws Error that names the file that cannot be used */
  static async open(
    options: AccessOptions,
    { audit, readOnly }: { readonly audit: AuditSink; readonly readOnly: boolean },
    logger: Logger,
  ): Promise<Guard> {
    const { identity } = options;
    const authenticator =
      identity && (await (await loadAuthenticator()).Authenticator.open(identity, logger));
    return new Guard(options, authenticator, audit, readOnly);
  }

  /**
   * Returns the caller, as a promise if that takes time.
   * @throws StowkenError UNAUTHENTICATED, PERMISSION_DENIED, IDENTITY_UNAVAILABLE
   */
  admit(path: string, presented: Presented, peer: string): Caller | Promise<Caller> {
    if (this.authenticator === undefined) return anyCaller();
    if (this.#isOpen(path)) return this.#admitAnybody(this.authenticator, path, presented, peer);
    try {
      const identity = this.authenticator.identify(presented);
      if (!(identity instanceof Promise)) return this.#toCaller(identity, path, peer, presented);
      const refuse = (error: unknown): never => {
        throw this.#unknown(error, path, peer);
      };
      return identity.catch(refuse).then((found) => this.#toCaller(found, path, peer, presented));
    } catch (error) {
      throw this.#unknown(error, path, peer);
    }
  }

  /** Returns the caller of an open service: one who proves nothing is served too, and sees no vault. */
  #admitAnybody(
    authenticator: Authenticator,
    path: string,
    presented: Presented,
    peer: string,
  ): Caller | Promise<Caller> {
    const toCaller = (identity: Identity): Caller => this.#toCaller(identity, path, peer, presented);
    try {
      const identity = authenticator.identify(presented);
      return identity instanceof Promise ? identity.then(toCaller, unknownCaller) : toCaller(identity);
    } catch {
      return unknownCaller();
    }
  }

  /** @throws StowkenError READ_ONLY if the method changes something, and the server only reads */
  checkServed(path: string): void {
    if (this.isReadOnly && isChanging(path)) throw readOnly();
  }

  close(): void {
    this.authenticator?.close();
  }

  /** Health, reflection, and methods that do not exist need an identity, and no right. */
  #toCaller(identity: Identity, path: string, peer: string, presented: Presented): Caller {
    const needed = rightsOf[path];
    const onDenied = ({ reason }: StowkenError, vault?: string): void => {
      // The end of a call that is audited anyway says it.
      if (reason === 'PERMISSION_DENIED' || !isAudited(path))
        this.#record({ identity: identity.name, path, peer, vault, reason });
    };
    const identify = () => this.authenticator!.identify(presented);
    const caller = new Caller(identity, needed ?? [], onDenied, identify);
    if (needed !== undefined) caller.checkAnyVault();
    return caller;
  }

  /** Records a call of a caller who is not known, and returns the error. */
  #unknown(error: unknown, path: string, peer: string): unknown {
    // Refusals for lack of a right are recorded where they arise.
    if (isStowkenError(error) && error.reason !== 'PERMISSION_DENIED')
      this.#record({ path, peer, reason: error.reason });
    return error;
  }

  #record(denied: Denied): void {
    const { identity, path, peer, vault, reason: result } = denied;
    // A path that is no method's is the caller's own text.
    const method = rightsOf[path] === undefined ? 'other' : methodName(path);
    const call = { timeMs: Date.now(), identity, peer, method, vault };
    this.audit.record({ ...call, ids: [], idCount: 0, result, repeated: 0 });
  }

  #isOpen(path: string): boolean {
    if (path.startsWith(healthPrefix)) return this.options.openHealth;
    return path.startsWith(reflectionPrefix) && this.options.openReflection;
  }
}
