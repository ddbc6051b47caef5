export type { AdapterInfo, AdapterKind, AdapterLimits } from './info.js';
export { type ListedAdapter, listAdapters } from './list.js';
export { NoAdapterError, type OpenedAdapter, openAdapter, type Tried } from './open.js';
export { openValidationDevice } from './validation.js';
