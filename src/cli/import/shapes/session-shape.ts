import type { Json, JsonObject } from './json.js';

/** A shape of which a line is an event, and the events of one session are a conversation. */
export interface SessionShape {
  readonly name: string;
  readonly title: string;
  /** True if every event names its session: those of several may come among each other. */
  readonly mayMingle?: boolean;
  /** True if a line begins a session, or is part of one. */
  recognise(line: JsonObject): boolean;
  /** True if a line is part of the session that is open, though it would not begin one. */
  continues(line: JsonObject): boolean;
  /** True for an event that ends a session if one comes behind it for which `says` is true. */
  ends?(line: JsonObject): boolean;
  /** True for an event that is of another session, if one that may end this one came before. */
  says?(line: JsonObject): boolean;
  /** Returns the id of the session that an event names; undefined if it names none. */
  sessionOf(line: JsonObject): string | undefined;
  /** Returns the key of the message in an event; '' if the event is the message; undefined without one. */
  messageKey(line: JsonObject): string | undefined;
  modelOf(line: JsonObject): string | undefined;
  /** Splits an event that has a piece of a text: the rest of it has a hole for the piece. */
  pieceOf?(line: JsonObject, inPlace: (text: string) => Json): Json | undefined;
}
