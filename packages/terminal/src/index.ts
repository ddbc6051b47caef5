export { conclusion, type End } from './conclusion.js';
export { showLive } from './show.js';
