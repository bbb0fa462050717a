import { z } from 'zod';
import { type AccessOptions, type TlsOptions, tlsVersions } from '../../identity/index.js';
import { limits, type TokenizerSource } from '../../model/index.js';
import {
  auditBytesMin,
  countFrom,
  file,
  filesHelp,
  filled,
  http,
  httpHosts,
  idleSeconds,
  intakeBytesMin,
  intervalSeconds,
  sweepWindow,
  jwks,
  listen,
  metrics,
  openVaultsHelp,
  seconds,
  sizeFrom,
  storage,
  skewSeconds,
  slowCallMs,
  switched,
  tokenizers,
  workers,
} from './setting-values.js';

/** Kinds that the setting names; vaults in a database are named by the database's URL. */
export const storageKinds = ['lmdb', 'filesystem', 'memory'] as const;
const durabilities = ['fsync', 'relaxed'] as const;
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export type StorageKind = (typeof storageKinds)[number] | 'postgres';
/**
 * Point at which a change is acknowledged. "fsync": it is on the disk; nothing acknowledged is ever lost.
 * "relaxed": the operating system has it; killing the server loses nothing, a power cut may damage the vault.
 */
export type Durability = (typeof durabilities)[number];

/** Limits of each caller, in all processes together. */
export interface CallerOptions {
  readonly calls: number;
  readonly uploads: number;
  /** Calls a second; 0: any number. */
  readonly rate: number;
  readonly burst: number;
}

/** Files of the audit log. */
export interface AuditOptions {
  readonly file: string;
  /** Size at which a file is followed by another one. */
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** Options of a server, checked. */
export interface ServeOptions {
  /** Folder of the vault, created if absent. Not used with storage "memory" and "postgres". */
  readonly dataDir: string;
  /** HOST:PORT (0: any free port) or unix:/path. */
  readonly listen: string;
  readonly storage: StorageKind;
  /** URL of the database with the vaults; undefined unless they are in one. */
  readonly database: string | undefined;
  readonly durability: Durability;
  /** Number of processes that serve the vault. */
  readonly workers: number;
  /** Limit of the vaults open at once. */
  readonly openVaults: number;
  /** Level of the log. */
  readonly logLevel: string;
  /** HOST:PORT (0: any free port) or unix:/path of the port for metrics and health; none if undefined. */
  readonly metrics: string | undefined;
  /** Address of the page, as of `metrics`, and names of the server for it; none if undefined. */
  readonly http: { readonly listen: string; readonly hosts: readonly string[] } | undefined;
  /** Duration from which a call is logged as slow; none is if undefined. */
  readonly slowCallMs: number | undefined;
  /** True if the server compacts automatically. */
  readonly autoCompact: boolean;
  /** Time between two parts of the background check of a vault; 0: there is none. */
  readonly checkIntervalMs: number;
  /** Time between two looks at the space that free pages take; 0: it is not given back. */
  readonly giveBackIntervalMs: number;
  /** Time between two sweeps of what has expired in a vault; 0: there is none. */
  readonly sweepIntervalMs: number;
  /** Part of the day in which it is swept, in minutes since midnight; undefined: all of it. */
  readonly sweepWindow: { readonly fromMinute: number; readonly toMinute: number } | undefined;
  /** True if stored conversations are added to the index that FindPrefix uses. */
  readonly prefixIndex: boolean;
  /** Time that a stopping server waits for the calls under way. */
  readonly drainTimeoutMs: number;
  /** Memory for requests while they arrive and are processed. */
  readonly intakeBytes: number;
  /** Free space of the disk below which nothing new is stored. */
  readonly minFreeDiskBytes: number | 'auto';
  /**
   * Time without data after which a request is ended, and time without a call after which a connection is
   * closed.
   */
  readonly requestIdleMs: number;
  readonly connectionIdleMs: number;
  /** True if every change is refused. */
  readonly readOnly: boolean;
  /** Limits of each caller who is known by name. */
  readonly caller: CallerOptions;
  /** Undefined: no audit log is kept. */
  readonly audit: AuditOptions | undefined;
  /** Undefined: connections are not encrypted. */
  readonly tls: TlsOptions | undefined;
  readonly access: AccessOptions;
  /** Tokenizers beside those that come with the program. */
  readonly tokenizers: readonly TokenizerSource[];
}

/**
 * A setting of `serve`: an option, an environment variable and a key of the config file, all with one name.
 */
export interface Setting {
  readonly schema: z.ZodType;
  /** Placeholder of the option's value in the help text; a switch if undefined. */
  readonly value?: string;
  readonly help: string;
  /** True if there may be several values, in a list. */
  readonly many?: true;
  /** Default; undefined if there is none. */
  readonly initial: string | number | boolean | undefined;
}

export const settings = {
  data: { schema: z.string().min(1), value: 'dir', help: "the vault's folder", initial: './stowken-data' },
  listen: { schema: listen, value: 'address', help: 'HOST:PORT or unix:/path', initial: '127.0.0.1:7411' },
  storage: {
    schema: storage(storageKinds),
    value: 'kind',
    help: `${storageKinds.join(', ')}, or postgres://USER@HOST/DATABASE`,
    initial: 'lmdb',
  },
  durability: {
    schema: z.enum(durabilities),
    value: 'mode',
    help: 'fsync: answer when on disk; relaxed: a power cut may damage the vault',
    initial: 'fsync',
  },
  workers: {
    schema: workers,
    value: 'n',
    help: 'processes that serve the vault (storage lmdb)',
    initial: 1,
  },
  'open-vaults': {
    schema: z.coerce
      .number({ error: openVaultsHelp })
      .int(openVaultsHelp)
      .min(1, openVaultsHelp)
      .max(10_000, openVaultsHelp),
    value: 'n',
    help: 'vaults open at once; the others are opened when they are needed',
    initial: limits.openVaultsDefault,
  },
  'auto-compact': {
    schema: switched,
    help: 'compact when enough new tokens are stored',
    initial: false,
  },
  'prefix-index': {
    schema: z.enum(['on', 'off']),
    value: 'on|off',
    help: 'on: conversations can be found by their first tokens; off: they take less space',
    initial: 'on',
  },
  'check-interval': {
    schema: intervalSeconds,
    value: 'seconds',
    help: 'time between two parts of the check of a vault in the background; 0: no such check',
    initial: limits.checkIntervalDefaultMs / 1000,
  },
  'sweep-interval': {
    schema: intervalSeconds,
    value: 'seconds',
    help: 'time between two sweeps that delete what has expired; 0: none',
    initial: limits.sweepIntervalDefaultMs / 1000,
  },
  'sweep-window': {
    schema: sweepWindow.optional(),
    value: 'from-to',
    help: 'part of the day for sweeps, local time: 01:00-05:30 (default: all day)',
    initial: undefined,
  },
  'give-back-interval': {
    schema: intervalSeconds,
    value: 'seconds',
    help: 'time between two looks at free pages, whose space is given back to the file system; 0: never',
    initial: limits.giveBackIntervalDefaultMs / 1000,
  },
  'insecure-bind': {
    schema: switched,
    help: 'allow addresses other than loopback without TLS, or without tokens',
    initial: false,
  },
  'tls-cert': {
    schema: file.optional(),
    value: 'file',
    help: 'certificate and intermediate ones, PEM; read again when it changes, as are all files named here',
    initial: undefined,
  },
  'tls-key': { schema: file.optional(), value: 'file', help: 'its private key, PEM', initial: undefined },
  'tls-client-ca': {
    schema: file.optional(),
    value: 'file',
    help: 'authorities of client certificates, PEM: clients must have one',
    initial: undefined,
  },
  'tls-client-cert': {
    schema: z.enum(['required', 'optional']),
    value: 'required|optional',
    help: 'optional: clients may come without a certificate, with a token',
    initial: 'required',
  },
  'tls-crl': {
    schema: file.optional(),
    value: 'file',
    help: 'lists of revoked client certificates, PEM: one of each authority',
    initial: undefined,
  },
  'tls-min-version': {
    schema: z.enum(tlsVersions),
    value: 'version',
    help: tlsVersions.join(' or '),
    initial: '1.2',
  },
  'token-file': {
    schema: file.optional(),
    value: 'file',
    help: 'who may do what, as stowken token makes it: calls without a token of it are refused',
    initial: undefined,
  },
  'jwt-jwks': {
    schema: jwks.optional(),
    value: 'file|url',
    help: 'public keys that JSON Web Tokens are checked with',
    initial: undefined,
  },
  'jwt-issuer': { schema: filled.optional(), value: 'text', help: 'issuer of JWTs', initial: undefined },
  'jwt-audience': { schema: filled.optional(), value: 'text', help: 'audience of JWTs', initial: undefined },
  'jwt-clock-skew': {
    schema: skewSeconds,
    value: 'seconds',
    help: "time by which the issuer's clock may differ",
    initial: limits.jwtClockSkewDefaultMs / 1000,
  },
  'jwt-rights-claim': {
    schema: filled,
    value: 'name',
    help: 'claim that has the rights',
    initial: 'rights',
  },
  'jwt-vaults-claim': {
    schema: filled,
    value: 'name',
    help: 'claim that has the vaults',
    initial: 'vaults',
  },
  'open-health': {
    schema: z.enum(['on', 'off']),
    value: 'on|off',
    help: 'on: the health service answers callers without a token',
    initial: 'on',
  },
  'open-reflection': {
    schema: z.enum(['on', 'off']),
    value: 'on|off',
    help: 'on: reflection answers callers without a token',
    initial: 'off',
  },
  'audit-log': {
    schema: file.optional(),
    value: 'file|off',
    help: 'log of calls that delete, maintain or administer, and of denied ones; default: audit.jsonl in --data',
    initial: undefined,
  },
  'audit-log-size': {
    schema: sizeFrom(auditBytesMin, `, at least ${auditBytesMin / 2 ** 10}KiB`),
    value: 'size',
    help: 'size at which the audit log begins another file; auto: 16MiB',
    initial: 'auto',
  },
  'audit-log-files': {
    schema: z.coerce.number({ error: filesHelp }).int(filesHelp).min(1, filesHelp).max(1000, filesHelp),
    value: 'n',
    help: 'files of the audit log that are kept',
    initial: limits.auditFilesDefault,
  },
  tokenizer: {
    schema: tokenizers.optional(),
    value: 'name=file',
    many: true,
    help: 'tokenizer for text: a tokenizer.json, a folder with one, or a tiktoken rank file; any number of them',
    initial: undefined,
  },
  'drain-timeout': {
    schema: seconds,
    value: 'seconds',
    help: 'time to wait for calls under way when stopping',
    initial: 30,
  },
  'intake-bytes': {
    schema: sizeFrom(intakeBytesMin, `, at least ${intakeBytesMin / 2 ** 20}MiB`),
    value: 'size',
    help: 'memory for requests that arrive or are processed; auto: a quarter of the memory',
    initial: 'auto',
  },
  'read-only': {
    schema: switched,
    help: 'refuse every change',
    initial: false,
  },
  'caller-calls': {
    schema: countFrom(1),
    value: 'n',
    help: 'calls that one caller (a token, a certificate) may have under way, on all connections',
    initial: limits.callerCallsDefault,
  },
  'caller-uploads': {
    schema: countFrom(1),
    value: 'n',
    help: 'uploads that one caller may have under way',
    initial: limits.callerUploadsDefault,
  },
  'caller-rate': {
    schema: countFrom(0),
    value: 'n',
    help: 'calls that one caller may begin in a second, on average; 0: any number',
    initial: 0,
  },
  'caller-burst': {
    schema: countFrom(0),
    value: 'n',
    help: 'calls that one caller may begin at once; 0: twice --caller-rate',
    initial: 0,
  },
  'min-free-disk': {
    schema: sizeFrom(0, '; 0: no floor'),
    value: 'size',
    help: 'free space of the disk below which nothing new is stored; auto: 5 % of the disk, 1GiB at most',
    initial: 'auto',
  },
  'request-idle-timeout': {
    schema: idleSeconds,
    value: 'seconds',
    help: 'time without data after which a request or an upload is ended',
    initial: limits.requestIdleDefaultMs / 1000,
  },
  'connection-idle-timeout': {
    schema: idleSeconds,
    value: 'seconds',
    help: 'time without a call after which a connection is closed',
    initial: limits.connectionIdleDefaultMs / 1000,
  },
  metrics: {
    schema: metrics.optional(),
    value: 'address',
    help: 'HOST:PORT of /metrics, /healthz and /readyz, over HTTP and open to everybody who can reach it',
    initial: undefined,
  },
  http: {
    schema: http.optional(),
    value: 'address',
    help: 'HOST:PORT or PORT of the page to look at the vaults; it asks who calls, as the server does',
    initial: undefined,
  },
  'http-host': {
    schema: httpHosts.optional(),
    value: 'name',
    many: true,
    help: 'name under which the page is reached, beside localhost and addresses; any number of them',
    initial: undefined,
  },
  'slow-call-ms': {
    schema: slowCallMs.optional(),
    value: 'ms',
    help: 'log calls that take as long, as warnings, without their content',
    initial: undefined,
  },
  'log-level': { schema: z.enum(logLevels), value: 'level', help: logLevels.join(', '), initial: 'info' },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof settings;
export type Settings = { readonly [Name in SettingName]: z.infer<(typeof settings)[Name]['schema']> };
