export { addToken, readTokenFile, removeToken } from './edit.js';
export type { CertificateEntry, TokenEntry } from './entries.js';
export { KnownTokens } from './tokens.js';
