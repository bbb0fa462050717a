export { type Caller } from './caller.js';
export { Guard } from './guard.js';
export { isAudited, isChanging, rightsOf } from './rights.js';
