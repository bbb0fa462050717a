/** Facts of one audited call. It has no content, and no secret. */
export interface AuditEvent {
  readonly timeMs: number;
  /** Name of the caller; undefined if it is not known who called. */
  readonly identity?: string | undefined;
  /** Address and port of the caller's connection. */
  readonly peer: string;
  /** "DeleteConversation", with its service: "ConversationService.DeleteConversation". */
  readonly method: string;
  /** Undefined if the call ended before its vault was known. */
  readonly vault?: string | undefined;
  /** Ids of conversations, or hashes of segments, that the call names: the first ones. */
  readonly ids: readonly string[];
  /** Number of all of them. */
  readonly idCount: number;
  /** "OK", or the reason of the error. */
  readonly result: string;
  /** Number of further calls like this one that are not recorded one by one. */
  readonly repeated: number;
}

/** An event in the log, with its number: events have rising numbers. */
export interface RecordedEvent extends AuditEvent {
  readonly number: number;
}

/** Takes events of calls. Never throws, and holds up nobody. */
export interface AuditSink {
  record(event: AuditEvent): void;
}

/** A question to the log. What is undefined restricts nothing. */
export interface AuditQuery {
  /** Only events with smaller numbers. */
  readonly before?: number | undefined;
  readonly limit: number;
  readonly vault?: string | undefined;
  readonly identity?: string | undefined;
  /** From this time on. */
  readonly startMs?: number | undefined;
  /** Before this time. */
  readonly endMs?: number | undefined;
}

/** Events, newest first. */
export interface AuditPage {
  readonly events: readonly RecordedEvent[];
  /** The next page has events before this number; undefined: this is the last one. */
  readonly next?: number | undefined;
}

export interface AuditSource {
  /** @throws StowkenError AUDIT_LOG_OFF */
  list(query: AuditQuery): Promise<AuditPage>;
}

/** Turns the path of a method into the name that events have. */
export function methodName(path: string): string {
  return path.replace(/^\/(?:stowken\.v1\.)?/, '').replace('/', '.');
}
