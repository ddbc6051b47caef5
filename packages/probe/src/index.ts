export { runCli } from './cli.js';
export type { Report } from './report/report.js';
