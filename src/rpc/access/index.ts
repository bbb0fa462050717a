export { type Caller } from './caller.js';
export { Guard } from './guard.js';
export { StandingCallers } from './standing-callers.js';
export { isAudited, isChanging, rightsOf } from './rights.js';
