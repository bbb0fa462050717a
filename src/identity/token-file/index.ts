export { addToken, readTokenFile, removeToken } from './edit.js';
export { entryNameForm, entryNamePattern, type CertificateEntry, type TokenEntry } from './entries.js';
export { KnownTokens } from './tokens.js';
