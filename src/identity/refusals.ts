import { StowkenError } from '../model/index.js';

/** One answer for every token that is not valid, whatever the reason is: only the log has that. */
export function tokenRefused(): StowkenError {
  return new StowkenError(
    'UNAUTHENTICATED',
    'the token is not valid: it is unknown, revoked, expired, or not for this server',
  );
}

export function nobodyPresented(): StowkenError {
  return new StowkenError(
    'UNAUTHENTICATED',
    'the call has no token: metadata has "authorization: Bearer TOKEN" (--token-file or $STOWKEN_TOKEN)',
  );
}

export function certificateExpired(): StowkenError {
  return new StowkenError('UNAUTHENTICATED', "the client's certificate has expired since it connected");
}

export function certificateUnknown(): StowkenError {
  return new StowkenError(
    'UNAUTHENTICATED',
    "the client's certificate is valid, but the server has no rights for its subject or its names, and the call " +
      'has no token',
  );
}

/** End of a stream whose caller is no longer known by what it presented when the stream began. */
export function callerEnded(): StowkenError {
  return new StowkenError(
    'UNAUTHENTICATED',
    'the stream ends, because its token or certificate is no longer valid: it was revoked or has expired since',
  );
}

export function keysUnavailable(cause: unknown): StowkenError {
  return new StowkenError(
    'IDENTITY_UNAVAILABLE',
    'the keys that tokens are checked with cannot be fetched; try again',
    {},
    { cause },
  );
}
