export { withClient } from './client.js';
export { type ServerOption, withServer, withVault } from './options.js';
