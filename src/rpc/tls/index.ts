export { TlsGate } from './gate.js';
