export { connectionsWithinDescriptors } from './descriptors.js';
export { rightsOf } from './access/index.js';
export { accept, type Acceptor } from './accept.js';
export {
  ordinaryIntake,
  type CallerLimits,
  type IntakeFigures,
  type IntakeSettings,
  type Origin,
  originOf,
} from './intake/index.js';
export { checkListen } from './listen.js';
export { createAdmission, type Admission, type Applicant } from './admission.js';
export { costOf } from './costs.js';
export type { StartedLimits } from './services/vault-methods.js';
export {
  createRpcServer,
  startRpcServer,
  type ConnectionServer,
  type RpcServer,
  type RpcServerOptions,
} from './server.js';
export { isServed, messageType, methodTypes } from './contract.js';
export { TlsGate } from './tls/index.js';
export type { CallWatcher, EndedCall } from './watch/index.js';
