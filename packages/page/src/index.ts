export {
  type Fact,
  type Floats,
  type Levels,
  METRICS,
  type PageBug,
  type PageCause,
  type PageChangeGroup,
  type PageChanges,
  type PageChecks,
  type PageData,
  type PageFault,
  type PageFirst,
  type PageHistogram,
  type PageLogits,
  type PageLook,
  type PageNote,
  type PagePlace,
  type PageRun,
  type PageTried,
  type PageValues,
  type PageWhy,
  type StageColumns,
} from './data.js';
export { pack, packLevels } from './pack.js';
export { emptyPageBytes, page } from './page.js';
export { deltasOf, floatsOf } from './unpack.js';
