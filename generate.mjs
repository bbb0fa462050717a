// Generates the TypeScript types of the contract's messages, of proto/, for those who make and read them:
//
// - src/rpc/generated/: requests as the server decodes them, responses as it encodes them; fields have the
//   contract's names, 64-bit numbers are Long in requests and numbers in responses, enums are numbers
// - src/client/generated/: requests as the client encodes them, responses as it decodes them; fields are in
//   camel case, 64-bit numbers are decimal strings, enums are names
// - src/page/browser/generated/: messages as JSON between the page and its port; fields have the contract's
//   names, 64-bit numbers are decimal strings, enums are names, times and durations are texts
//
// The build runs it when proto/ has changed. `node generate.mjs` runs it by hand; with --check it writes
// nothing, and fails if a file is not what the contract gives.
// Encoders leave a field that is absent at its default. Decoders give every field.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import prettier from 'prettier';
import protobuf from 'protobufjs';

const projectFolder = import.meta.dirname;
const contractFiles = [
  'stowken/v1/conversation_service.proto',
  'stowken/v1/maintenance_service.proto',
  'stowken/v1/segment_service.proto',
  'stowken/v1/admin_service.proto',
  'stowken/v1/analytics_service.proto',
  'google/rpc/status.proto',
  'google/rpc/error_details.proto',
];
const header = '// Generated from proto/ by generate.mjs, with every build. Edits are lost.\n';
/** Messages that no RPC names: they are sent in trailers. */
const errorMessages = ['google.rpc.Status', 'google.rpc.ErrorInfo'];

/** Form of the messages of one direction on one side. */
const serverRequests = {
  decoded: true,
  mutableLists: true, // As zod takes them.
  long: 'Long',
  bytes: 'Buffer',
  enumType: () => 'number',
  head: '/** A 64-bit number. */\nexport interface Long {\n  toNumber(): number;\n  toString(): string;\n}\n\n',
};
const serverResponses = {
  decoded: false,
  long: 'number',
  bytes: 'Uint8Array',
  enumType: (name) => `(typeof ${name})[keyof typeof ${name}]`,
  enumConstants: true,
  head: '',
};
const clientRequests = {
  decoded: false,
  long: 'string',
  bytes: 'Uint8Array',
  enumType: (name) => name,
  head: '',
};
const clientResponses = {
  decoded: true,
  virtualOneofs: true,
  absentMessage: 'null',
  long: 'string',
  bytes: 'Buffer',
  // A number without a name in this contract stays a number.
  enumType: (name) => `${name} | number`,
  head: '',
};

const pageRequests = {
  decoded: false,
  long: 'string',
  bytes: 'string',
  timesAreTexts: true,
  enumType: (name) => name,
  head: '',
};
const pageResponses = { ...pageRequests, decoded: true };
const times = ['.google.protobuf.Timestamp', '.google.protobuf.Duration'];

/** Returns the text of each generated file, by its path in the project. */
async function messageTypes() {
  const server = loadContract({ keepCase: true });
  const client = loadContract({});
  const files = {
    'src/rpc/generated/requests.ts':
      typesOf(requestsOf(server), serverRequests) + index('Requests', requestsOf(server)),
    'src/rpc/generated/responses.ts':
      typesOf(responsesOf(server), serverResponses) + index('Responses', responsesOf(server)),
    'src/client/generated/requests.ts': typesOf(requestsOf(client), clientRequests),
    'src/client/generated/responses.ts': typesOf(responsesOf(client), clientResponses),
    'src/client/generated/methods.ts': methodTypes(client),
    'src/page/browser/generated/requests.ts': typesOf(requestsOf(server), pageRequests),
    'src/page/browser/generated/responses.ts': typesOf(responsesOf(server), pageResponses),
    'src/page/browser/generated/methods.ts': methodTypes(server),
  };
  const options = await prettier.resolveConfig(join(projectFolder, 'src/main.ts'));
  const format = (text) => prettier.format(header + text, { ...options, parser: 'typescript' });
  return Object.fromEntries(
    await Promise.all(Object.entries(files).map(async ([file, text]) => [file, await format(text)])),
  );
}

/** Writes the files that differ from the contract. */
export async function writeMessageTypes() {
  for (const [file, text] of await staleFiles()) {
    const path = join(projectFolder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

async function staleFiles() {
  const files = Object.entries(await messageTypes());
  return files.filter(([file, text]) => readIfThere(join(projectFolder, file)) !== text);
}

function loadContract(options) {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => join(projectFolder, 'proto', target);
  // Imports of google.protobuf are included in protobufjs.
  root.loadSync(contractFiles, options);
  root.resolveAll();
  return root;
}

function servicesOf(root) {
  return root.lookup('stowken.v1').nestedArray.filter((nested) => nested instanceof protobuf.Service);
}

const methodsOf = (root) => servicesOf(root).flatMap(({ methodsArray }) => methodsArray);
const requestsOf = (root) => methodsOf(root).map(({ resolvedRequestType }) => resolvedRequestType);
const responsesOf = (root) => [
  ...methodsOf(root).map(({ resolvedResponseType }) => resolvedResponseType),
  ...errorMessages.map((name) => root.lookupType(name)),
];

/** Declares the messages and all of their parts, by name. */
function typesOf(messages, form) {
  const found = new Map();
  const visit = (type) => {
    if (form.timesAreTexts && times.includes(type.fullName)) return;
    if (found.has(type.name)) {
      if (found.get(type.name) !== type) throw new Error(`two types have the name ${type.name}`);
      return;
    }
    found.set(type.name, type);
    for (const { resolvedType } of type.fieldsArray ?? []) if (resolvedType) visit(resolvedType);
  };
  messages.forEach(visit);
  const types = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return form.head + types.map((type) => declare(type, form)).join('\n');
}

function declare(type, form) {
  if (type instanceof protobuf.Enum) return declareEnum(type, form);
  const { name, fieldsArray, oneofsArray } = type;
  const unions = form.virtualOneofs ? oneofsArray.filter((oneof) => !oneof.isProto3Optional) : [];
  const fields = fieldsArray.filter((field) => !unions.includes(field.partOf));
  const body = `{\n${fields.map((field) => declareField(field, form)).join('')}}`;
  if (fieldsArray.length === 0) return `export type ${name} = Record<string, never>;\n`;
  if (unions.length === 0) return `export interface ${name} ${body}\n`;
  const parts = unions.map((oneof) => `(${declareOneof(oneof, form)})`);
  return `export type ${name} = ${[...(fields.length > 0 ? [body] : []), ...parts].join(' & ')};\n`;
}

/**
 * A field with the oneof's name has the name of the member that is set; it is absent for a member of a later
 * contract.
 */
function declareOneof({ name, fieldsArray }, form) {
  const members = fieldsArray.map(
    (field) => `{ readonly ${name}: '${field.name}'; readonly ${field.name}: ${typeOf(field, form)} }`,
  );
  return [...members, `{ readonly ${name}?: undefined }`].join(' | ');
}

function declareEnum({ name, values }, { enumConstants, enumType }) {
  if (enumConstants) {
    const prefix = `${name.replace(/(?<!^)[A-Z]/g, '_$&').toUpperCase()}_`;
    const entries = Object.entries(values).map(([key, value]) => `${key.replace(prefix, '')}: ${value},`);
    return `export const ${name} = {\n${entries.join('\n')}\n} as const;\n`;
  }
  if (enumType(name) === 'number') return '';
  return `export type ${name} = ${Object.keys(values)
    .map((key) => `'${key}'`)
    .join(' | ')};\n`;
}

function declareField(field, form) {
  const type = typeOf(field, form);
  const { name } = field;
  if (!form.decoded) return `readonly ${name}?: ${type} | undefined;\n`;
  if (field.partOf) return `readonly ${name}: ${type} | undefined;\n`;
  const isMessage = !field.repeated && !field.map && field.resolvedType instanceof protobuf.Type;
  return `readonly ${name}: ${type}${isMessage ? ' | null' : ''};\n`;
}

function typeOf(field, form) {
  const type = scalarOf(field, form);
  if (field.map) return `Readonly<Record<string, ${type}>>`;
  if (!field.repeated) return type;
  if (form.mutableLists) return `${type}[]`;
  return /\W/.test(type) ? `readonly (${type})[]` : `readonly ${type}[]`;
}

function scalarOf({ type, resolvedType }, form) {
  if (resolvedType instanceof protobuf.Enum) return form.enumType(resolvedType.name);
  if (form.timesAreTexts && times.includes(resolvedType?.fullName)) return 'string';
  if (resolvedType) return resolvedType.name;
  switch (type) {
    case 'string':
      return 'string';
    case 'bool':
      return 'boolean';
    case 'bytes':
      return form.bytes;
    case 'int64':
    case 'uint64':
      return form.long;
    case 'double':
    case 'int32':
    case 'uint32':
      return 'number';
    default:
      throw new Error(`the contract has a field of type ${type}: say what TypeScript makes of it`);
  }
}

/** Lists the messages by their full names. */
function index(name, messages) {
  const unique = [...new Set(messages)];
  const entries = unique.map((type) => `'${type.fullName.slice(1)}': ${type.name};`);
  return `\n/** By full name. */\nexport interface ${name} {\n${entries.join('\n')}\n}\n`;
}

/** Lists the messages of each method, by its service's name and its own. */
function methodTypes(root) {
  const services = servicesOf(root).map(({ name, methodsArray }) => {
    const methods = methodsArray.map(
      (method) =>
        `readonly ${method.name}: { readonly request: requests.${method.resolvedRequestType.name}; ` +
        `readonly response: responses.${method.resolvedResponseType.name} };`,
    );
    return `readonly ${name}: {\n${methods.join('\n')}\n};`;
  });
  return (
    "import type * as requests from './requests.js';\nimport type * as responses from './responses.js';\n\n" +
    `export interface Methods {\n${services.join('\n')}\n}\n`
  );
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // It was never generated.
  }
}

if (process.argv[1] === import.meta.filename) {
  if (!process.argv.includes('--check')) await writeMessageTypes();
  for (const [file] of await staleFiles()) {
    process.stderr.write(`${file} is not what proto/ gives\n`);
    process.exitCode = 1;
  }
}
