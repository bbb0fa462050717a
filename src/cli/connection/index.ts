export { withClient } from './client.js';
export { type ServerOption, withServer } from './options.js';
