export * from './assert.js';
export {
  type AttachmentEntry,
  type AttachmentInfo,
  checkAttachment,
  mayBeIndex,
  readAttachmentIndex,
  writeAttachmentIndex,
} from './attachments.js';
export * from './count-of.js';
export * from './distribution.js';
export { type Content, extraFields, isEmpty, seal, unseal } from './envelope.js';
export * from './error-catalogue.js';
export * from './errors.js';
export * from './expiry.js';
export * from './limits.js';
export * from './loopback.js';
export * from './records.js';
export * from './segment-hash.js';
export * from './refusals.js';
export * from './shared-bytes.js';
export * from './unsafe-characters.js';
export {
  modelsOf,
  type TokenizerName,
  tokenizerNamed,
  tokenizerNames,
  tokenizerOfModel,
} from './tokenizer-names.js';
export { type TokenizerInfo, tokenizerPatterns, type TokenizerSource } from './tokenizer-source.js';
