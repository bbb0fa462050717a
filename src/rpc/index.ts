export { accept, type Acceptor } from './accept.js';
export { createRpcServer, startRpcServer, type RpcServer, type RpcServerOptions } from './server.js';
