export { FairSlots, type SlotBounds, type SlotRequest } from './fair-slots.js';
