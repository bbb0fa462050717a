import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { Auditor, type AuditSink, type AuditSource, noAudit } from '../audit/index.js';
import { type AccessOptions, openAccess, type TlsOptions } from '../identity/index.js';
import { limits } from '../model/index.js';
import type { TokenizerPool } from '../text/index.js';
import type { VaultAdmin, VaultsHealth } from '../vaults/index.js';
import { accept } from './accept.js';
import { Guard, StandingCallers } from './access/index.js';
import { type Admission, createAdmission } from './admission.js';
import { methodsOf, rawService, serviceNames } from './contract.js';
import { Health, healthPaths } from './health.js';
import {
  Intake,
  type IntakeFigures,
  type IntakeSettings,
  type MethodIntake,
  type Origin,
} from './intake/index.js';
import { logTransport } from './listen.js';
import { reflection } from './reflection.js';
import { checkFieldsSize, checkPartSize, checkRequestSize } from './requests/index.js';
import { conversationService } from './services/conversation-service.js';
import { maintenanceService } from './services/maintenance-service.js';
import { adminService } from './services/admin-service.js';
import { analyticsService } from './services/analytics-service.js';
import { segmentService } from './services/segment-service.js';
import type { StartedLimits, VaultSource } from './services/vault-methods.js';
import { LongLivedStreams } from './long-lived-streams.js';
import { TlsGate } from './tls/index.js';
import { CallWatch, type CallWatcher } from './watch/index.js';

export interface RpcServerOptions {
  /** Vaults by name; the name is "default" if a request has none. */
  readonly vaults: VaultSource;
  readonly admin: VaultAdmin;
  readonly tokenizers: Pick<TokenizerPool, 'known' | 'describe'>;
  readonly logger: Logger;
  /** Version that GetCapabilities reports. */
  readonly version: string;
  /** Reports which vaults accept writes; called often, for the health service. */
  readonly health: () => VaultsHealth;
  /** Limits costly calls. If absent, those of this process only. */
  readonly admission?: Admission;
  readonly intake: IntakeSettings;
  /** Limits that depend on how the server was started, besides those of the intake. */
  readonly startedLimits?: StartedLimits;
  /** Records calls that delete, maintain or administer, and those that are denied. If absent, none is. */
  readonly audit?: AuditSink & AuditSource;
  /** True if every change is refused. */
  readonly readOnly?: boolean;
  /** If absent, connections are not encrypted. */
  readonly tls?: TlsOptions | undefined;
  /** If absent, nobody is asked who they are. */
  readonly access?: AccessOptions | undefined;
  /** Receives each call at its end. */
  readonly onCall?: CallWatcher | undefined;
  /** Duration from which a call is logged as slow; none is if absent. */
  readonly slowCallMs?: number | undefined;
}

export interface RpcServer {
  /**
   * Reports NOT_SERVING, accepts no more calls, and resolves when the calls under way have ended. After
   * graceMs they are cut off.
   */
  drain(graceMs: number): Promise<void>;
  figures(): IntakeFigures;
  /**
   * Serves a connection within this process, for a client whose own connection was accepted, and decrypted,
   * elsewhere: its calls have that client's address, certificate, rights and limits.
   */
  readonly relay: (connection: Duplex, origin: Origin) => void;
}

function transport({ connectionIdleMs }: IntakeSettings): ServerOptions {
  return {
    // Requests are checked against their limits before grpc-js sees them.
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': limits.streamsPerConnectionMax,
    // A peer that has vanished silently is noticed within a minute, and its calls are cancelled.
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 30_000,
    'grpc.max_connection_idle_ms': connectionIdleMs,
    // No service would report its counts.
    'grpc.enable_channelz': 0,
  };
}

const healthIntake: MethodIntake = {
  kind: 'standing',
  sizeMax: limits.requestFieldsBytesMax,
  checkSize: checkFieldsSize,
  reused: false,
};

/** Reflection, and methods that do not exist. */
const standingIntake: MethodIntake = { ...healthIntake, plain: true };

/** Intake settings of the contract's methods and of health, by path. */
const methodIntakes: ReadonlyMap<string, MethodIntake> = new Map(
  serviceNames
    .flatMap(methodsOf)
    .map(({ path, requestStream }): [string, MethodIntake] => [
      path,
      requestStream
        ? { kind: 'parts', sizeMax: limits.uploadPartBytesMax, checkSize: checkPartSize, reused: true }
        : { kind: 'whole', sizeMax: limits.requestBytesMax, checkSize: checkRequestSize, reused: false },
    ])
    .concat(healthPaths.map((path) => [path, healthIntake])),
);

/**
 * Serves vaults over gRPC at an address. Rejects if the address cannot be bound, or the files of TLS
 * cannot be used.
 * @param options.listen "host:port", port 0 for any free one, or "unix:/path".
 */
export async function startRpcServer(
  options: RpcServerOptions & { readonly listen: string },
): Promise<RpcServer & { /** The address with the real port. */ readonly address: string }> {
  const server = await createRpcServer(options);
  try {
    const acceptor = await accept(options.listen, server.serve, { paused: false });
    const drain = (graceMs: number): Promise<void> => {
      acceptor.close();
      return server.drain(graceMs);
    };
    return { ...server, address: acceptor.address, drain };
  } catch (error) {
    server.abandon();
    throw error;
  }
}

/** A server of connections that are accepted elsewhere. */
export interface ConnectionServer extends RpcServer {
  readonly serve: (connection: Socket) => void;
  /** Releases everything, if it never served. */
  abandon(): void;
}

/**
 * Serves vaults over gRPC on connections that were accepted elsewhere, in another process perhaps. Rejects if
 * the files of TLS cannot be used.
 */
export async function createRpcServer(options: RpcServerOptions): Promise<ConnectionServer> {
  const auditor = new Auditor(options.audit ?? noAudit);
  const rules = { audit: auditor, readOnly: options.readOnly ?? false };
  const guard = await Guard.open(options.access ?? openAccess, rules, options.logger);
  const { server, intake, renewCertified, abandon, drain } = createServer(options, guard, auditor);
  try {
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    intake.assertAttached();
    const serve = (connection: Socket): void => injector.injectConnection(connection);
    const figures = () => intake.figures;
    const relay = (connection: Duplex, origin: Origin): void =>
      intake.connections.relay(origin, () => injector.injectConnection(connection));
    if (options.tls === undefined) return { serve, relay, abandon, drain, figures };
    const hooks = { onConnection: serve, onTrustChanged: renewCertified };
    const gate = await TlsGate.open(options.tls, options.intake.connectionsMax, hooks, options.logger);
    return {
      relay,
      figures,
      serve: (connection) => gate.take(connection),
      abandon() {
        gate.close();
        abandon();
      },
      drain(graceMs) {
        gate.close();
        return drain(graceMs);
      },
    };
  } catch (error) {
    abandon();
    throw error;
  }
}

function createServer(options: RpcServerOptions, guard: Guard, audit: Auditor) {
  logTransport(options.logger);
  const server = new Server(transport(options.intake));
  const { logger } = options;
  const intake = new Intake(
    options.intake,
    methodIntakes,
    standingIntake,
    guard,
    logger,
    CallWatch.of(options),
  );
  intake.attachTo(server);
  const redeem = (bytes: Buffer) => intake.tickets.redeem(bytes);
  const callers = new StandingCallers();
  const standing = new LongLivedStreams(callers, options.logger);
  const health = new Health(serviceNames, options.health, options.logger);
  const scope = {
    ...options,
    admission: options.admission ?? createAdmission(),
    audit,
    callers,
    auditSource: options.audit ?? noAudit,
  };
  server.addService(rawService('stowken.v1.ConversationService', redeem), conversationService(scope));
  server.addService(rawService('stowken.v1.MaintenanceService', redeem), maintenanceService(scope));
  server.addService(rawService('stowken.v1.SegmentService', redeem), segmentService(scope));
  server.addService(rawService('stowken.v1.AdminService', redeem), adminService(scope));
  server.addService(rawService('stowken.v1.AnalyticsService', redeem), analyticsService(scope));
  health.addTo(standing.track(server), redeem);
  reflection().addToServer(standing.track(server));
  const drain = async (graceMs: number): Promise<void> => {
    health.drain();
    standing.endAll();
    await shutdown(server, intake, graceMs);
    intake.stop();
    callers.close();
    guard.close();
    audit.flush();
  };
  /** Releases everything, for a server that cannot serve. */
  const abandon = (): void => {
    health.drain();
    intake.stop();
    callers.close();
    guard.close();
    server.forceShutdown();
  };
  /** Ends connections with certificates: streams that have no end of their own would keep them open. */
  const renewCertified = (): void => {
    intake.connections.renewCertified();
    standing.endAll();
  };
  return { server, intake, renewCertified, abandon, drain };
}

function shutdown(server: Server, intake: Intake, graceMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const cutOff = setTimeout(() => {
      server.forceShutdown();
      intake.connections.cutOff();
    }, graceMs);
    server.tryShutdown((error) => {
      clearTimeout(cutOff);
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}
