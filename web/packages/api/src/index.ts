export * from './types';
export * from './transport';
export * from './problem';
export * from './caller';
export * from './mini';
export * from './drafts';
