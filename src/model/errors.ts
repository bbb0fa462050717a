import { errorCatalogue } from './error-catalogue.js';

type Catalogue = typeof errorCatalogue;

/**
 * Reasons of failed calls: a closed list. The gRPC edge maps a reason to a status code in one place, and
 * sends it as google.rpc.ErrorInfo.reason.
 */
export type Reason = keyof Catalogue;

export const reasons = Object.keys(errorCatalogue) as readonly Reason[];

type FieldsOf<Entry, Part extends string> =
  Entry extends Readonly<Record<Part, infer Fields>> ? Fields : unknown;

/** Metadata of a reason, from the catalogue. */
export type ErrorFacts<R extends Reason> = R extends Reason
  ? { readonly [Field in keyof FieldsOf<Catalogue[R], 'facts'>]: string } & {
      readonly [Field in keyof FieldsOf<Catalogue[R], 'optionalFacts'>]?: string;
    }
  : never;

/** Facts may be left out if none is required. */
type FactArguments<R extends Reason> =
  Record<never, never> extends ErrorFacts<R>
    ? [facts?: ErrorFacts<R>, options?: ErrorOptions]
    : [facts: ErrorFacts<R>, options?: ErrorOptions];

/** An error with a reason of the catalogue, and its facts. */
export class StowkenError<R extends Reason = Reason> extends Error {
  override readonly name = 'StowkenError';
  /** Facts by name, for programs: the field, the limit, the size, the id. */
  readonly metadata: ErrorFacts<R>;

  constructor(
    readonly reason: R,
    message: string,
    ...[facts, options]: FactArguments<R>
  ) {
    super(message, options);
    this.metadata = facts ?? ({} as ErrorFacts<R>);
  }
}

/** Returns an error of another process or thread unchanged: its facts were checked where it was made. */
export function receivedError(
  reason: Reason,
  message: string,
  facts: Readonly<Record<string, string>> = {},
): StowkenError {
  return new StowkenError(reason, message, facts);
}

export function isStowkenError<R extends Reason = Reason>(
  error: unknown,
  reason?: R,
): error is StowkenError<R> {
  return error instanceof StowkenError && (reason === undefined || error.reason === reason);
}
