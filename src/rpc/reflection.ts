import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ReflectionService } from '@grpc/reflection';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { serviceNames } from './contract.js';

type ReflectedPackage = ConstructorParameters<typeof ReflectionService>[0];

const require = createRequire(import.meta.url);
const healthService = 'grpc.health.v1.Health';

/**
 * Describes the server's services, health among them, to clients that have no proto files. The build makes
 * the descriptors: those that proto-loader derives at run time lack protoc's imports and map entries, and
 * strict clients cannot link them.
 */
export function reflection(): ReflectionService {
  const files = [...descriptorFiles('#build/contract.binpb'), ...descriptorFiles('#build/health.binpb')];
  // The service reads nothing of a package but the descriptors of its files.
  const reflected = { files: { fileDescriptorProtos: files } } as unknown as ReflectedPackage;
  return new ReflectionService(reflected, { services: [...serviceNames, healthService] });
}

function descriptorFiles(name: string): Buffer[] {
  const set = descriptor.FileDescriptorSet.decode(readFileSync(require.resolve(name)));
  const { file } = descriptor.FileDescriptorSet.toObject(set) as descriptor.IFileDescriptorSet;
  return (file ?? []).map((each) => Buffer.from(descriptor.FileDescriptorProto.encode(each).finish()));
}
