export { Primary, type PrimaryOptions } from './primary.js';
export { Announcements } from './announcements.js';
