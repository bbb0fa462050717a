export * from './tokenizers.js';
