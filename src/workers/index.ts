export { Primary, type PrimaryOptions } from './primary.js';
