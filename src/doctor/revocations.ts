/** Reader of the one field of revocation lists (X.509 CRL, RFC 5280) that OpenSSL is strict about. */

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly rest: Buffer;
}

/** Returns the times of "next update" of the lists in a PEM file. @throws Error if one cannot be decoded */
export function nextUpdates(pem: string): (number | undefined)[] {
  const blocks = pem.matchAll(/-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/g);
  return [...blocks].map(([, base64]) => nextUpdateOf(Buffer.from(base64!, 'base64')));
}

/** CertificateList ::= { tbs { version?, signature, issuer, thisUpdate, nextUpdate?, ... }, ... } */
function nextUpdateOf(der: Buffer): number | undefined {
  const list = element(der, SEQUENCE).content;
  let rest = element(list, SEQUENCE).content;
  if (rest[0] === INTEGER) rest = element(rest).rest;
  const afterSignature = element(rest, SEQUENCE).rest;
  const afterIssuer = element(afterSignature, SEQUENCE).rest;
  rest = element(afterIssuer).rest;
  if (rest[0] !== UTC_TIME && rest[0] !== GENERALIZED_TIME) return undefined;
  const { tag, content } = element(rest);
  const digits = /^\d+/.exec(content.toString('latin1'))?.[0] ?? '';
  const century = Number(digits.slice(0, 2)) < 50 ? '20' : '19';
  const [, date, hours, minutes, seconds] =
    /^(\d{8})(\d\d)(\d\d)(\d\d)$/.exec(tag === UTC_TIME ? century + digits : digits) ?? [];
  if (date === undefined) throw new Error('a time of the list cannot be read');
  const day = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;
  return Date.parse(`${day}T${hours}:${minutes}:${seconds}Z`);
}

/** Splits the first element off. Lengths have up to four bytes. */
function element(der: Buffer, expected?: number): Element {
  const [tag, short] = [der[0], der[1]];
  const isLong = short !== undefined && short >= 0x80;
  const lengthBytes = isLong ? short & 0x7f : 0;
  const start = 2 + lengthBytes;
  if (tag === undefined || short === undefined || lengthBytes > 4 || der.length < start)
    throw new Error('the list is cut off');
  const length = isLong ? der.readUIntBE(2, lengthBytes) : short;
  if (der.length < start + length || (expected !== undefined && tag !== expected))
    throw new Error('it is no list of revoked certificates');
  return { tag, content: der.subarray(start, start + length), rest: der.subarray(start + length) };
}
