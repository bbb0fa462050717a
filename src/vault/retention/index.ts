export { countExpired } from './expired.js';
