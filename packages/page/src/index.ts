export type { PageData } from './data.js';
export { page } from './page.js';
