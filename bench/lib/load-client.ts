// A process that calls a server as fast as it answers. Told what to call by the one that started it (see load.ts).
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import type { LoadAnswer, LoadJob } from './load.js';

const FRAME_HEAD_BYTES = 5;
const windowBytes = 16 * 1024 * 1024;

process.on('message', (job: LoadJob) => {
  void run(job).then(
    (answer) => process.send!(answer),
    (error: unknown) => process.send!({ failure: String(error) } satisfies LoadAnswer),
  );
});
process.on('disconnect', () => process.exit(0));

async function run({ address, path, requests, inFlight }: LoadJob): Promise<LoadAnswer> {
  const session = connect(`http://${address}`, { settings: { initialWindowSize: windowBytes } });
  await new Promise((resolve, reject) => session.once('remoteSettings', resolve).once('error', reject));
  session.setLocalWindowSize(windowBytes);
  const latenciesMs: number[] = [];
  let bytes = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < requests.length) {
      const request = requests[next++]!;
      const started = performance.now();
      const came = await call(session, path, request);
      bytes += came;
      latenciesMs.push(performance.now() - started);
    }
  };
  // Each moment of all processes is of one clock.
  const beganMs = Date.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  const endedMs = Date.now();
  session.close();
  return { beganMs, endedMs, latenciesMs, bytes };
}

/** One call of gRPC; resolves to the bytes that came. Nothing is decoded: the client is to cost next to nothing. */
function call(session: ClientHttp2Session, path: string, request: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    let bytes = 0;
    let status: unknown;
    const note = (headers: Record<string, unknown>): void => void (status ??= headers['grpc-status']);
    stream
      .on('response', note)
      .on('trailers', note)
      .on('data', (chunk: Buffer) => (bytes += chunk.length))
      .on('error', reject)
      .on('end', () => {
        if (status === '0') resolve(bytes);
        else reject(new Error(`${path} ended with status ${String(status)}`));
      });
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.writeUInt32BE(request.length, 1);
    stream.end(Buffer.concat([head, request]));
  });
}
