export * from './words';
export * from './money';
export * from './quantity';
export * from './numbers';
export * from './time';
export * from './age';
export * from './states';
export * from './trouble';
