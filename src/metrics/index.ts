export { type Definition, definitions } from './definitions.js';
export { Endpoint } from './endpoint.js';
export { ProcessMetrics } from './process-metrics.js';
export { Lifecycle } from './readiness.js';
export { lastingOf, type Measured, Samples } from './samples.js';
export { ServerMetrics } from './server-metrics.js';
export { collectVaults } from './vault-figures.js';
