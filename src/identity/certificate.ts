import type { X509Certificate } from 'node:crypto';

/** A client's certificate, which the handshake has verified. */
export interface ClientCertificate {
  /** "O=Example,CN=ci": attributes in the certificate's order, their values escaped as in RFC 2253. */
  readonly subject: string;
  /** "DNS:ci.example.com", "URI:spiffe://example.com/ci", "email:ci@example.com". */
  readonly names: readonly string[];
  readonly validToMs: number;
}

export function readClientCertificate(certificate: X509Certificate): ClientCertificate {
  return {
    subject: certificate.subject.split('\n').join(','),
    names: alternativeNames(certificate.subjectAltName ?? ''),
    validToMs: Date.parse(certificate.validTo),
  };
}

/** True if the subject is this one, in the certificate's order or, as openssl prints RFC 2253, in reverse. */
export function isSubject(certificate: ClientCertificate, subject: string): boolean {
  return certificate.subject === subject || certificate.subject === reversed(subject);
}

function reversed(subject: string): string {
  return (subject.match(/(?:\\.|[^,\\])+/g) ?? []).reverse().join(',');
}

/**
 * Splits Node's text of the alternative names. A name that has a comma, or anything else that could be
 * mistaken for another name, is a JSON string there: such a name is left out, so that it matches nothing.
 */
function alternativeNames(text: string): string[] {
  const found = text.match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g) ?? [];
  return found.map((name) => name.trim()).filter((name) => !name.includes('"'));
}
