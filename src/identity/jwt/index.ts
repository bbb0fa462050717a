export { readKeys } from './keys.js';
export { jwksUrl, type JwtOptions } from './options.js';
export { isJwt, JwtVerifier } from './verifier.js';
