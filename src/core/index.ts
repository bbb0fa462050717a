export { copyOut } from './slab.js';
export { loadCore, type TokenCore } from './core.js';
export { compileCore, instantiate, type CoreBuild, type VarintExports } from './wasm.js';
export { RecentlyUsed, sampleKey } from './caches.js';
