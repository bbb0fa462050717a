export { type Account } from './account.js';
export { type MethodIntake } from './stream-parts.js';
export { type IncomingRequest } from './incoming-request.js';
export { Intake, type IntakeFigures } from './intake.js';
export { type Origin, originOf } from './connection.js';
export { ordinaryIntake, type CallerLimits, type IntakeSettings } from './settings.js';
