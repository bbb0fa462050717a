export { type Caller } from './caller.js';
export { Guard } from './guard.js';
export { rightsOf } from './rights.js';
