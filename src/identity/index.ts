export { type AccessOptions, checkAccess, openAccess } from './access-options.js';
export type { Authenticator, IdentityOptions, Presented } from './authenticator.js';
export { type ClientCertificate, readClientCertificate } from './certificate.js';
export { everyone, type Grant, type Identity, isRight, type Right, rights, stranger } from './identity.js';
export { jwksUrl, type JwtOptions } from './jwt/options.js';
export { entryNameForm, entryNamePattern } from './token-file/entry-name.js';
export type { TokenEntry } from './token-file/index.js';
export {
  certificateEndMs,
  readTlsMaterial,
  tlsFiles,
  type TlsMaterial,
  type TlsOptions,
  tlsVersions,
} from './tls-material.js';
export { isVaultPattern, vaultPatternForm } from './vault-pattern.js';
export { callerEnded } from './refusals.js';
export { ReloadedFiles } from './reloaded-files.js';

/** Loads the checks of callers on first use: their libraries take as long to load as a short command. */
export const loadAuthenticator = () => import('./authenticator.js');
/** Loads the reader and writer of token files. */
export const loadTokenFile = () => import('./token-file/index.js');
