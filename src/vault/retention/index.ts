export { countExpired, expiredConversations } from './expired.js';
export { countAbove, sweep, type SweepRules } from './sweep.js';
