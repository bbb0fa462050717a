export { startRpcServer, type RpcServer, type RpcServerOptions } from './server.js';
