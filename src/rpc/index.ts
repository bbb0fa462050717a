export { accept, type Acceptor } from './accept.js';
export { checkListen } from './listen.js';
export { createRpcServer, startRpcServer, type RpcServer, type RpcServerOptions } from './server.js';
