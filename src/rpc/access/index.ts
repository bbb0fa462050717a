export { type Caller } from './caller.js';
export { Guard } from './guard.js';
export { isAudited, rightsOf } from './rights.js';
