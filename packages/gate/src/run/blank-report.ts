import type { Report } from '@llama-probe/comparison';
import { type Checked, Invariants } from '@llama-probe/diff';

const UNKNOWN = 'unknown';

/** A report of nothing, to be filled with what is known. */
export function blankReport(reason = ''): Report {
  const nothing: Checked = new Invariants({}).result();
  return {
    schema: 1,
    verdict: 'incomparable',
    reason,
    model: { file: UNKNOWN, arch: UNKNOWN, quantization: UNKNOWN, layers: null, bytes: null },
    tokens: [],
    reference: { name: UNKNOWN, version: UNKNOWN, mode: UNKNOWN },
    candidate: { name: UNKNOWN, backend: UNKNOWN, adapter: UNKNOWN },
    floors: { method: 'not measured', margin: 0, minimum: 0 },
    first: null,
    faults: null,
    stages: [],
    ignored: [],
    logits: null,
    decode: { firstDiverged: null, firstOtherChoice: null },
    checks: { candidate: nothing, reference: nothing },
    diagnosis: null,
    tokenDiagnosis: null,
    observations: [],
    unseen: [],
    generated: null,
    top: null,
    timings: {},
  };
}
