import type { Logger } from 'pino';
import { type AccessOptions, Authenticator, type Identity, type Presented } from '../../identity/index.js';
import { anyCaller, Caller } from './caller.js';
import { rightsOf } from './rights.js';

const healthPrefix = '/grpc.health.v1.Health/';
const reflectionPrefix = '/grpc.reflection.';

/** Admits calls by their headers alone, before anything of their requests is kept. */
export class Guard {
  private constructor(
    private readonly options: AccessOptions,
    private readonly authenticator: Authenticator | undefined,
  ) {}

  /** @throws Error that names the file that cannot be used */
  static async open(options: AccessOptions, logger: Logger): Promise<Guard> {
    const { identity } = options;
    return new Guard(options, identity && (await Authenticator.open(identity, logger)));
  }

  /**
   * Returns the caller, as a promise if that takes time.
   * @throws StowkenError UNAUTHENTICATED, PERMISSION_DENIED, IDENTITY_UNAVAILABLE
   */
  admit(path: string, presented: Presented): Caller | Promise<Caller> {
    if (this.authenticator === undefined || this.#isOpen(path)) return anyCaller();
    const identity = this.authenticator.identify(presented);
    return identity instanceof Promise
      ? identity.then((found) => toCaller(found, path))
      : toCaller(identity, path);
  }

  close(): void {
    this.authenticator?.close();
  }

  #isOpen(path: string): boolean {
    if (path.startsWith(healthPrefix)) return this.options.openHealth;
    return path.startsWith(reflectionPrefix) && this.options.openReflection;
  }
}

/** Health, reflection, and methods that do not exist need an identity, and no right. */
function toCaller(identity: Identity, path: string): Caller {
  const needed = rightsOf[path];
  const caller = new Caller(identity, needed ?? []);
  if (needed !== undefined) caller.checkAnyVault();
  return caller;
}
