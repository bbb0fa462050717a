export { PageServer, type PageOptions } from './page-server.js';
export type { RelayTo } from './relay.js';
