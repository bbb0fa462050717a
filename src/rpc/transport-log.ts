import { setLogger } from '@grpc/grpc-js';
import type { Logger } from 'pino';

/** What the transport has to say goes to the log; by itself it writes lines of its own to standard error. */
export function logTransport(logger: Logger): void {
  setLogger({
    error: (message: string) => logger.warn({ transport: message }, 'from the transport'),
    info: (message: string) => logger.debug({ transport: message }, 'from the transport'),
    debug: (message: string) => logger.trace({ transport: message }, 'from the transport'),
  });
}
