export { FairSlots, type SlotBounds, type SlotRequest } from './fair-slots.js';
export { nextTurn } from './next-turn.js';
