import type { AccessOptions, IdentityOptions } from '../../identity/index.js';
import { UsageError } from '../context.js';
import type { ServeOptions, Settings } from './options.js';

/** Returns the settings of TLS. @throws UsageError for settings that mean nothing without others */
export function tlsOf(chosen: Settings): ServeOptions['tls'] {
  const { 'tls-cert': certFile, 'tls-key': keyFile } = chosen;
  const { 'tls-client-ca': clientCaFile, 'tls-crl': crlFile } = chosen;
  if (certFile === undefined || keyFile === undefined) {
    if (certFile !== undefined) throw new UsageError('--tls-cert needs --tls-key: the private key');
    if (keyFile !== undefined) throw new UsageError('--tls-key needs --tls-cert: the certificate');
    if (clientCaFile !== undefined) throw new UsageError('--tls-client-ca needs --tls-cert and --tls-key');
    if (crlFile !== undefined)
      throw new UsageError('--tls-crl needs --tls-cert, --tls-key and --tls-client-ca');
    return undefined;
  }
  if (crlFile !== undefined && clientCaFile === undefined)
    throw new UsageError('--tls-crl needs --tls-client-ca: without it no client has a certificate');
  return {
    certFile,
    keyFile,
    minVersion: chosen['tls-min-version'],
    clientCertOptional: chosen['tls-client-cert'] === 'optional',
    ...(clientCaFile !== undefined && { clientCaFile }),
    ...(crlFile !== undefined && { crlFile }),
  };
}

/** Returns the settings of who may call. @throws UsageError for settings that mean nothing without others */
export function accessOf(chosen: Settings): AccessOptions {
  const tokenFile = chosen['token-file'];
  const jwt = jwtOf(chosen);
  return {
    identity: tokenFile === undefined && jwt === undefined ? undefined : { tokenFile, jwt },
    openHealth: chosen['open-health'] === 'on',
    openReflection: chosen['open-reflection'] === 'on',
  };
}

function jwtOf(chosen: Settings): IdentityOptions['jwt'] {
  const { 'jwt-jwks': jwks, 'jwt-issuer': issuer, 'jwt-audience': audience } = chosen;
  if (jwks === undefined) {
    if (issuer !== undefined || audience !== undefined)
      throw new UsageError('--jwt-issuer and --jwt-audience need --jwt-jwks: the keys');
    return undefined;
  }
  if (issuer === undefined || audience === undefined) {
    throw new UsageError(
      '--jwt-jwks needs --jwt-issuer and --jwt-audience: without them, tokens for others would be taken',
    );
  }
  return {
    jwks,
    issuer,
    audience,
    clockSkewMs: chosen['jwt-clock-skew'] * 1000,
    rightsClaim: chosen['jwt-rights-claim'],
    vaultsClaim: chosen['jwt-vaults-claim'],
  };
}

/**
 * Checks that an address that others can reach has TLS, and that callers are asked who they are.
 * @throws UsageError with the options that are missing
 */
export function checkSafe(listen: string, tls: ServeOptions['tls'], { identity }: AccessOptions): void {
  const asks = identity !== undefined || (tls?.clientCaFile !== undefined && !tls.clientCertOptional);
  const missing = [
    ...(tls === undefined
      ? ['--tls-cert and --tls-key, without which everybody on the way reads along']
      : []),
    ...(asks
      ? []
      : ['--token-file (or --jwt-jwks, or --tls-client-ca), without which everybody may do everything']),
  ];
  if (missing.length === 0) return;
  throw new UsageError(
    `${listen} is not a loopback address: it needs ${missing.join('; and ')}. --insecure-bind listens all the same`,
  );
}
