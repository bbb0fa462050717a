import type { Documents } from './documents.js';
import type { DraftSpec } from './draft.js';
import type { Json, JsonObject } from './json.js';

/** Context in which a line is read. */
export interface Reading {
  readonly documents: Documents;
  /** Zone of times that name none. */
  readonly zone: string | undefined;
}

/** A shape of lines: a line is a conversation. */
export interface Shape {
  readonly name: string;
  /** Description for people, in a few words. */
  readonly title: string;
  recognise(line: JsonObject): boolean;
  /** Takes the messages of a line. @throws BadLine */
  read(line: JsonObject, reading: Reading): { readonly spec: DraftSpec; readonly document: Json };
}
