// Writes what the package stands on, from the lock file and the licences that the packages bring:
//
// - build/sbom.cdx.json: a list of all packages that an installation can have (CycloneDX 1.5), with licences
//   and the hashes that npm checks. The same lock file gives the same bytes.
// - build/THIRD-PARTY-LICENSES.txt: the licences in full.
//
// Both are made when the package is packed (prepack), and are in it. `npm sbom` is not used: it leaves out
// packages that a package for development can use too (yaml).
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

process.chdir(import.meta.dirname);
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const own = JSON.parse(readFileSync('package.json', 'utf8'));

/** Packages for development that are in what is built: OpenAI's tokens, the scripts of the page, checks. */
const built = ['node_modules/gpt-tokenizer', 'node_modules/preact', 'node_modules/uplot', 'node_modules/zod'];

/** Packages of an installation, by their path in the lock file, and those of `built`. */
const installed = Object.entries(lock.packages)
  .filter(([path, entry]) => path !== '' && !isForDevelopment(path, entry))
  .map(([path, entry]) => ({ path, name: path.replace(/^.*node_modules\//, ''), ...entry }))
  .sort((a, b) => compare(a.path, b.path));

mkdirSync('build', { recursive: true });
writeFileSync('build/sbom.cdx.json', `${JSON.stringify(sbom(), null, 2)}\n`);
writeFileSync('build/THIRD-PARTY-LICENSES.txt', licences());

function isForDevelopment(path, entry) {
  return (entry.dev === true || entry.devOptional === true) && !built.includes(path);
}

function sbom() {
  const root = reference(own);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { ...component(own), type: 'application' } },
    components: unique(installed.map((entry) => ({ ...component(entry), ...details(entry) }))),
    dependencies: unique([
      { ref: root, dependsOn: targets('', own) },
      ...installed.map((entry) => ({ ref: reference(entry), dependsOn: targets(entry.path, entry) })),
    ]),
  };
}

function component(entry) {
  return {
    'bom-ref': reference(entry),
    type: 'library',
    name: entry.name,
    version: entry.version,
    purl: `pkg:npm/${entry.name.replace('@', '%40')}@${entry.version}`,
    licenses: [licence(entry.license)],
  };
}

/** A licence by its SPDX id, or an expression of several. */
function licence(text) {
  return / (OR|AND|WITH) /.test(text) ? { expression: text } : { license: { id: text } };
}

function details({ optional, integrity }) {
  const [algorithm, base64] = integrity.split('-');
  return {
    scope: optional ? 'optional' : 'required',
    hashes: [
      { alg: algorithm.replace('sha', 'SHA-'), content: Buffer.from(base64, 'base64').toString('hex') },
    ],
  };
}

function reference({ name, version }) {
  return `${name}@${version}`;
}

/** Returns what a package depends on, each found as Node finds it: in its own folder, then outwards. */
function targets(path, { dependencies = {}, optionalDependencies = {} }) {
  return Object.keys({ ...dependencies, ...optionalDependencies })
    .map((name) => find(path, name))
    .filter((found) => found !== undefined)
    .map(reference)
    .sort(compare);
}

function find(path, name) {
  for (let folder = path; ; folder = folder.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    const found = installed.find((each) => each.path === place);
    if (found !== undefined || folder === '') return found;
  }
}

/**
 * Returns the licences in full. Packages for other systems are not here: they have the licence of the package
 * that they belong to.
 */
function licences() {
  const parts = installed.map((entry) => {
    const head = `${entry.name} ${entry.version}\nLicence: ${entry.license}\n`;
    const files = existsSync(entry.path)
      ? readdirSync(entry.path).filter((name) => /^(licen[cs]e|copying|notice)\b/i.test(name))
      : [];
    const texts = files.sort(compare).map((name) => readFileSync(join(entry.path, name), 'utf8').trim());
    return [head, ...texts].join('\n');
  });
  const rule = `\n\n${'-'.repeat(100)}\n\n`;
  return `${own.name} ${own.version} is under the licence ${own.license} (LICENSE). It uses these packages:${rule}${parts.join(rule)}\n`;
}

function unique(entries) {
  const byReference = new Map(entries.map((entry) => [entry['bom-ref'] ?? entry.ref, entry]));
  return [...byReference.values()];
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
