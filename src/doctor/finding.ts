import type { AccessOptions, TlsOptions } from '../identity/index.js';

/** Result of one check. */
export interface Finding {
  /** Subject of the check, in one or two words. */
  readonly check: string;
  /** "warning": a server runs, and not as well or as safely as it could. "problem": it does not run so. */
  readonly state: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** Action that mends it. */
  readonly mend?: string;
}

/** Settings of a server that is to be examined. */
export interface Examined {
  readonly dataDir: string;
  readonly storage: string;
  readonly listen: string;
  readonly workers: number;
  readonly openVaults: number;
  readonly intakeBytes: number;
  readonly tls: TlsOptions | undefined;
  readonly access: AccessOptions;
}

export const ok = (check: string, message: string): Finding => ({ check, state: 'ok', message });
export const warning = (check: string, message: string, mend: string): Finding => ({
  check,
  state: 'warning',
  message,
  mend,
});
export const problem = (check: string, message: string, mend: string): Finding => ({
  check,
  state: 'problem',
  message,
  mend,
});

const GiB = 2 ** 30;

/** Writes a size as people read it. */
export function sizeText(bytes: number): string {
  if (bytes >= GiB) return `${(bytes / GiB).toFixed(1)} GiB`;
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
