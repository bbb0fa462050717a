import * as grpc from '@grpc/grpc-js';

/**
 * Reference for retrieval: a bare grpc-js server that streams bytes from memory and does nothing else. The
 * request is 4-byte words: the sizes of the messages to send, in order.
 */
const identity = (bytes: Buffer) => bytes;
const memory = Buffer.alloc(2 * 1024 * 1024, 7);

const server = new grpc.Server({
  'grpc.max_receive_message_length': -1,
  'grpc-node.flow_control_window': 8 << 20,
});
server.addService(
  {
    stream: {
      path: '/peer.Bare/Stream',
      requestStream: false,
      responseStream: true,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  },
  {
    stream: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
      const sizes = new Uint32Array(new Uint8Array(call.request).buffer);
      let next = 0;
      const send = () => {
        while (next < sizes.length) if (!call.write(memory.subarray(0, sizes[next++]))) return;
        call.end();
      };
      call.on('drain', send);
      send();
    },
  },
);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening on 127.0.0.1:${port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
