export { type AccessOptions, checkAccess, openAccess } from './access-options.js';
export { Authenticator, type IdentityOptions, type Presented } from './authenticator.js';
export { type ClientCertificate, readClientCertificate } from './certificate.js';
export { everyone, type Grant, type Identity, isRight, type Right, rights, stranger } from './identity.js';
export { jwksUrl, type JwtOptions } from './jwt/index.js';
export { addToken, entryNameForm, entryNamePattern, readTokenFile, removeToken } from './token-file/index.js';
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
