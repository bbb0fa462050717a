import type { IncomingHttpHeaders } from 'node:http2';
import type { Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { logCalls } from './call-log.js';
import { CallRecord } from './call-record.js';
import type { CallWatcher } from './ended-call.js';
import { CallSpan, findTracer } from './tracing.js';

export interface CallWatchOptions {
  readonly logger: Logger;
  readonly version: string;
  /** Receives each call at its end. */
  readonly onCall?: CallWatcher | undefined;
  /** Duration from which a call is logged as slow. */
  readonly slowCallMs?: number | undefined;
}

/** Watches calls for metrics, log and traces. */
export class CallWatch {
  private constructor(
    private readonly watchers: readonly CallWatcher[],
    private readonly tracer: Tracer | undefined,
  ) {}

  /** Returns undefined if nobody watches: then calls cost nothing here. */
  static of({ logger, version, onCall, slowCallMs }: CallWatchOptions): CallWatch | undefined {
    const watchers = [onCall, logCalls(logger, slowCallMs)].filter((each) => each !== undefined);
    const tracer = findTracer(version);
    return watchers.length > 0 || tracer ? new CallWatch(watchers, tracer) : undefined;
  }

  begin(path: string, headers: IncomingHttpHeaders): CallRecord {
    return new CallRecord(path, this.watchers, this.tracer && new CallSpan(this.tracer, path, headers));
  }
}
