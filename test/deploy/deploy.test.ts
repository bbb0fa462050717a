import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { settings } from '../../src/cli/serve/options.js';
import { readSettings, toServeOptions, environmentName } from '../../src/cli/serve/settings.js';
import { defaultPort } from '../../src/client/index.js';
import { exitCodes } from '../../src/cli/exit-codes.js';

const root = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(join(root, 'deploy', name), 'utf8');

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-deploy-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Port for metrics in all files of the folder. */
const metricsPort = 9464;

const isInstalled = (program: string) => spawnSync(program, ['--version']).error === undefined;
const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1));

/** Checks that serve takes flags as they are, and which ports they name. */
function expectServes(flags: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string>>): void {
  const options = toServeOptions(readSettings(flags, env));
  expect(portOf(options.listen)).toBe(defaultPort);
  expect(portOf(options.metrics ?? '')).toBe(metricsPort);
}

describe('the image', () => {
  const lines = read('Dockerfile').replace(/\\\n/g, ' ').split('\n');
  const argumentsOf = (instruction: string) =>
    lines
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1));
  const env = Object.fromEntries(
    argumentsOf('ENV')
      .flatMap((line) => line.split(/\s+/))
      .map((pair) => pair.split('=') as [string, string]),
  );

  it('sets variables that the program has, and opens the ports that they name', () => {
    const known = [...Object.keys(settings).map((name) => environmentName(name as keyof typeof settings))];
    const unknown = Object.keys(env).filter(
      (name) => ![...known, 'NODE_ENV', 'STOWKEN_TLS_CA'].includes(name),
    );
    expect(unknown).toEqual([]);
    expectServes({}, env);
    expect(argumentsOf('EXPOSE')).toEqual([`${defaultPort} ${metricsPort}`]);
    expect(argumentsOf('VOLUME')).toEqual([env['STOWKEN_DATA']]);
  });

  it('is not run by root, and asks for its health', () => {
    expect(argumentsOf('USER').at(-1)).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(argumentsOf('HEALTHCHECK')[0]).toMatch(/CMD \["stowken", "health"\]$/);
    expect(argumentsOf('ENTRYPOINT')).toEqual(['["stowken"]']);
    expect(argumentsOf('CMD')).toEqual(['["serve"]']);
  });

  it('is built of what the build reads, and of no more', () => {
    const kept = read('Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    expect(kept.filter((name) => !existsSync(join(root, name)))).toEqual([]);
    const scripts = readFileSync(join(root, 'build.mjs'), 'utf8');
    const inputs = [...scripts.matchAll(/filesIn\('([^']+)'\)|'([\w./-]+\.(?:json|mjs))'/g)]
      .map(([, inFolder, file]) => (inFolder ?? file)!.replace(/^\.\//, ''))
      .filter((name) => existsSync(join(root, name)) && !name.startsWith('build/'));
    expect(inputs.length).toBeGreaterThan(4);
    // A folder that is kept brings its files.
    expect(inputs.filter((name) => !kept.includes(name) && !kept.includes(name.split('/')[0]!))).toEqual([]);
  });

  it('has all that the program needs to serve', () => {
    const copies = argumentsOf('COPY')
      .filter((line) => line.startsWith('--from=build '))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    for (const path of copies.map((copy) => copy.replace(/^\/src\//, ''))) {
      expect(existsSync(join(root, path)), path).toBe(true);
      if (path === 'node_modules') symlinkSync(join(root, path), join(folder, path));
      else if (path === 'build')
        cpSync(join(root, path), join(folder, path), {
          recursive: true,
          filter: (source) => !/build\/(test|bench|\.stamps|client-package)/.test(source),
        });
      else cpSync(join(root, path), join(folder, path), { recursive: true });
    }
    const main = join(folder, 'build/programs/main.js');
    const text = execFileSync(process.execPath, [main, 'demo'], { encoding: 'utf8' });
    expect(text).not.toBe('');
  });
});

describe('the unit for systemd', () => {
  const unit = read('stowken.service');
  const valueOf = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];

  it('starts serve with settings that it takes, and does not restart it in vain', () => {
    const [, file] = /^\S+ serve --config (\S+)$/.exec(valueOf('ExecStart')!) ?? [];
    expect(file).toBe('/etc/stowken/stowken.yaml');
    const config = join(root, 'deploy/stowken.yaml');
    expectServes({ config }, {});
    const { data, 'drain-timeout': drainSeconds } = readSettings({ config }, {});
    expect(data).toBe(`/var/lib/${valueOf('StateDirectory')}`);
    expect(Number(valueOf('TimeoutStopSec'))).toBeGreaterThan(drainSeconds);
    expect(valueOf('RestartPreventExitStatus')).toBe(`${exitCodes.usage} ${exitCodes.damaged}`);
  });

  it('is whole, and gives the server little of the system', (context) => {
    if (!isInstalled('systemd-analyze')) context.skip('systemd-analyze is not installed');
    const command = join(folder, 'stowken');
    writeFileSync(command, '#!/bin/sh\n');
    chmodSync(command, 0o755);
    const file = join(folder, 'stowken.service');
    writeFileSync(file, unit.replace('/usr/local/bin/stowken', command));
    const verify = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect(`${verify.stdout}${verify.stderr}`).toBe('');
    expect(verify.status).toBe(0);
    // Exposure from 0 to 100; a unit without sandboxing has 96.
    const args = ['security', '--offline=true', '--threshold=20', '--no-pager', file];
    const security = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect(security.status, security.stdout).toBe(0);
  });
});

interface StatefulSet {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [Container];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
  };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}

describe('the manifest for Kubernetes', () => {
  const documents = parseAllDocuments(read('kubernetes.yaml'));
  const byKind = (kind: string) =>
    documents.map((each) => each.toJS() as { kind: string }).find((each) => each.kind === kind);
  const { spec } = byKind('StatefulSet') as unknown as StatefulSet;
  const pod = spec.template.spec;
  const [container] = pod.containers;
  const flags = Object.fromEntries(
    container.args.slice(1).map((arg) => /^--([a-z-]+)=(.*)$/.exec(arg)!.slice(1) as [string, string]),
  );

  it('is YAML without errors', () => {
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    expect(documents.length).toBe(2);
  });

  it('starts one server with settings that it takes', () => {
    expect(spec.replicas).toBe(1);
    expect(container.args[0]).toBe('serve');
    expect(Object.keys(flags).filter((name) => !Object.hasOwn(settings, name))).toEqual([]);
    const camel = (name: string) => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    expectServes(Object.fromEntries(Object.entries(flags).map(([name, value]) => [camel(name), value])), {});
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(flags['drain-timeout']));
  });

  it('agrees with itself on ports and volumes', () => {
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    expect(ports).toEqual({ grpc: defaultPort, metrics: metricsPort });
    expect(spec.template.metadata.annotations['prometheus.io/port']).toBe(String(metricsPort));
    const service = byKind('Service') as unknown as {
      spec: { ports: { port: number; targetPort: string }[] };
    };
    expect(service.spec.ports).toMatchObject([{ port: defaultPort, targetPort: 'grpc' }]);
    const { startupProbe, livenessProbe, readinessProbe } = container;
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe])
      expect(httpGet.port).toBe('metrics');
    expect([livenessProbe.httpGet.path, readinessProbe.httpGet.path]).toEqual(['/healthz', '/readyz']);
    const volumes = [
      ...pod.volumes.map(({ name }) => name),
      ...spec.volumeClaimTemplates.map((each) => each.metadata.name),
    ];
    expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.sort());
    const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
    for (const name of ['data', 'tls-cert', 'tls-key', 'token-file'])
      expect(
        mounts.some((mount) => `${flags[name]}/`.startsWith(`${mount}/`)),
        name,
      ).toBe(true);
  });
});

describe('the alert rules and the dashboard', () => {
  const alerts = parse(read('alerts.yaml')) as { groups: { rules: { alert: string; expr: string }[] }[] };
  const rules = alerts.groups.flatMap((group) => group.rules);
  const panels = (
    JSON.parse(read('grafana.json')) as { panels: { id: number; targets: { expr: string }[] }[] }
  ).panels;
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
  /** Metrics that the server has; Prometheus itself makes `up`. */
  const known = [...page.matchAll(/^\| `([a-z_]+)` \| (counter|gauge|histogram) \|/gm)].flatMap(
    ([, name, type]) => (type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name!]),
  );
  const metricsIn = (expression: string) =>
    expression.match(/\b(stowken|rpc|process|nodejs)_[a-z_]+(?=\{|\[|\)| |$)/g) ?? [];

  it('name metrics that the server has', () => {
    expect(known.length).toBeGreaterThan(10);
    const expressions = [
      ...rules.map(({ expr }) => expr),
      ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ];
    const named = expressions.flatMap((expression) =>
      metricsIn(expression.replace(/\{[^}]*\}/g, '{').replace(/\bby \([^)]*\)/g, '')),
    );
    expect(named.length).toBeGreaterThan(20);
    expect([...new Set(named)].filter((name) => !known.includes(name))).toEqual([]);
  });

  it('are explained, each alert by its name', () => {
    const section = /^## Alerts$(.*?)(?=^## |(?![\s\S]))/ms.exec(page)?.[1] ?? '';
    const explained = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(explained).toEqual(rules.map(({ alert }) => alert));
  });

  it('have panels with numbers of their own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  it('are taken by promtool, and raise alerts when they should', (context) => {
    if (!isInstalled('promtool')) context.skip('promtool is not installed');
    mkdirSync(join(folder, 'rules'));
    writeFileSync(join(folder, 'rules/alerts.yaml'), read('alerts.yaml'));
    cpSync(join(import.meta.dirname, 'alerts.test.yaml'), join(folder, 'rules/alerts.test.yaml'));
    for (const args of [
      ['check', 'rules', 'alerts.yaml'],
      ['test', 'rules', 'alerts.test.yaml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, {
        cwd: join(folder, 'rules'),
        encoding: 'utf8',
      });
      expect(status, `${stdout}${stderr}`).toBe(0);
    }
  });
});
