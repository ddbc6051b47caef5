/** A report of what could not be done, for a machine that reads reports: all that it looks at is there, and empty. */
export const failedReport = (reason: string, code: string) => ({
  schema: 1,
  verdict: 'incomparable',
  reason,
  error: { code },
  model: null,
  tokens: [],
  reference: null,
  candidate: null,
  first: null,
  stages: [],
  logits: null,
  timings: {},
});
