export { loadCore, type TokenCore } from './core.js';
