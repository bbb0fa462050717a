import { Builder } from 'flatbuffers';

/**
 * Messages of Arrow's IPC stream, whose metadata are FlatBuffers. Numbers of fields and of union members are
 * those of format/Message.fbs and format/Schema.fbs of Apache Arrow.
 */

/** Columns that this program writes. */
export interface ArrowColumn {
  readonly name: string;
  readonly type: 'utf8' | 'list<utf8>' | 'list<int32>' | 'list<uint8>';
}

const versionV5 = 4;
const headerTypes = { schema: 1, recordBatch: 3 } as const;
const typeInt = 2;
const typeUtf8 = 5;
const typeList = 12;
const alignment = 8;

/** Ends a stream. */
export const endOfStream = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);

/** Returns the message that begins a stream. */
export function schemaMessage(columns: readonly ArrowColumn[]): Uint8Array {
  const builder = new Builder(1024);
  const fields = vector(
    builder,
    columns.map(({ name, type }) =>
      type === 'utf8' ? utf8Field(builder, name) : listField(builder, name, itemField(builder, type)),
    ),
  );
  builder.startObject(4);
  builder.addFieldOffset(1, fields, 0);
  return message(builder, headerTypes.schema, builder.endObject(), 0);
}

/** Length of a column's or a list's values. None of them is null. */
export interface ArrowNode {
  readonly length: number;
}

/** Returns the metadata of a batch. `bufferBytes` are the sizes of its buffers, which follow padded. */
export function batchMessage(
  rows: number,
  nodes: readonly ArrowNode[],
  bufferBytes: readonly number[],
): Uint8Array {
  const builder = new Builder(1024);
  let bodyBytes = 0;
  const buffers = bufferBytes.map((bytes) => {
    const offset = bodyBytes;
    bodyBytes += bytes + padding(bytes);
    return { offset, bytes };
  });
  builder.startVector(16, buffers.length, 8);
  for (const { offset, bytes } of buffers.toReversed()) {
    builder.writeInt64(BigInt(bytes));
    builder.writeInt64(BigInt(offset));
  }
  const bufferVector = builder.endVector();
  builder.startVector(16, nodes.length, 8);
  for (const { length } of nodes.toReversed()) {
    builder.writeInt64(0n);
    builder.writeInt64(BigInt(length));
  }
  const nodeVector = builder.endVector();
  builder.startObject(4);
  builder.addFieldInt64(0, BigInt(rows), 0n);
  builder.addFieldOffset(1, nodeVector, 0);
  builder.addFieldOffset(2, bufferVector, 0);
  return message(builder, headerTypes.recordBatch, builder.endObject(), bodyBytes);
}

/** Returns the zeros that follow so many bytes. */
export function padding(bytes: number): number {
  return (alignment - (bytes % alignment)) % alignment;
}

/** Returns marker, length and metadata, padded. */
function message(builder: Builder, headerType: number, header: number, bodyBytes: number): Uint8Array {
  builder.startObject(5);
  builder.addFieldInt16(0, versionV5, 0);
  builder.addFieldInt8(1, headerType, 0);
  builder.addFieldOffset(2, header, 0);
  builder.addFieldInt64(3, BigInt(bodyBytes), 0n);
  builder.finish(builder.endObject());
  const metadata = builder.asUint8Array();
  const size = metadata.length + padding(metadata.length);
  const bytes = Buffer.alloc(8 + size);
  bytes.writeUInt32LE(0xffffffff, 0);
  bytes.writeInt32LE(size, 4);
  bytes.set(metadata, 8);
  return bytes;
}

function utf8Field(builder: Builder, name: string): number {
  const text = builder.createString(name);
  builder.startObject(0);
  const type = builder.endObject();
  return field(builder, text, typeUtf8, type, vector(builder, []));
}

function listField(builder: Builder, name: string, item: number): number {
  const text = builder.createString(name);
  builder.startObject(0);
  const type = builder.endObject();
  return field(builder, text, typeList, type, vector(builder, [item]));
}

function itemField(builder: Builder, type: Exclude<ArrowColumn['type'], 'utf8'>): number {
  if (type === 'list<utf8>') return utf8Field(builder, 'item');
  const text = builder.createString('item');
  builder.startObject(2);
  builder.addFieldInt32(0, type === 'list<int32>' ? 32 : 8, 0);
  builder.addFieldInt8(1, type === 'list<int32>' ? 1 : 0, 0);
  return field(builder, text, typeInt, builder.endObject(), vector(builder, []));
}

function field(builder: Builder, name: number, typeType: number, type: number, children: number): number {
  builder.startObject(7);
  builder.addFieldOffset(0, name, 0);
  builder.addFieldInt8(2, typeType, 0);
  builder.addFieldOffset(3, type, 0);
  builder.addFieldOffset(5, children, 0);
  return builder.endObject();
}

function vector(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) builder.addOffset(offset);
  return builder.endVector();
}
