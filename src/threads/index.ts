export { ThreadPool } from './thread-pool.js';
