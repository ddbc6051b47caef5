import type { Note } from '@llama-probe/comparison/ask';
import { stageKey } from '@llama-probe/dump/stage';
import type { Judgement } from '../judge/judge-case.js';
import type { CaseRun } from '../run/measure.js';
import type { Baseline, BaselineStage } from './baseline.js';
import { BaselineError } from './baseline.js';
import { baselineBytes, writeBaseline } from './file.js';
import { decodeBaseline, encodeBaseline } from './format.js';
import { mismatch } from './mismatch.js';

/** What `--update` did with a baseline. */
export interface Update {
  readonly state: 'written' | 'unchanged' | 'refused';
  readonly bytes: number;
}

/** What a baseline remembers of a run. */
export function baselineOf({ report, about, sketches }: CaseRun): Baseline {
  const stages = report.stages.flatMap((stage): BaselineStage[] => {
    const sketch = sketches.get(stageKey(stage));
    if (!sketch?.reference) return [];
    const { step, order, layer, stage: name, rel, floor, limit, referenceRms } = stage;
    const { rows, width, values, mean, rms, absMax, hash, reference } = sketch;
    const statistics = { rows, width, values, mean, rms, absMax, referenceRms, rel, floor, limit, hash };
    return [{ step, order, layer, stage: name, ...statistics, reference }];
  });
  return { ...about, stages };
}

/**
 * Writes the baseline of a run that passes. One that diverges is refused, unless all of it is a known fault: what is wrong must be
 * written down with a reason and a date before it becomes what later runs are held to.
 */
export function updateBaseline(path: string, measured: CaseRun, judged: Judgement): { update: Update; notes: Note[] } {
  if (judged.verdict !== 'agree') {
    const text =
      'its baseline was not written: what is wrong would become what is right. Mend it, or put it into "known" with a date first';
    return { update: { state: 'refused', bytes: 0 }, notes: [{ level: 'error', text }] };
  }
  const baseline = baselineOf(measured);
  const bytes = encodeBaseline(baseline);
  const before = existing(path);
  if (before.bytes && Buffer.compare(before.bytes, bytes) === 0) {
    const text = `the baseline is as it was (${bytes.length} bytes)`;
    return { update: { state: 'unchanged', bytes: bytes.length }, notes: [{ level: 'notice', text }] };
  }
  writeBaseline(path, bytes);
  const text = `the baseline was written (${bytes.length} bytes): ${difference(before, baseline)}`;
  return { update: { state: 'written', bytes: bytes.length }, notes: [{ level: 'notice', text }] };
}

interface Existing {
  readonly bytes?: Uint8Array | undefined;
  readonly baseline?: Baseline;
  readonly broken?: boolean;
}

function existing(path: string): Existing {
  try {
    const bytes = baselineBytes(path);
    return bytes ? { bytes, baseline: decodeBaseline(bytes, path) } : {};
  } catch (error) {
    if (error instanceof BaselineError) return { broken: true };
    throw error;
  }
}

/** What the new one says that the old one did not. */
function difference({ baseline: before, broken }: Existing, now: Baseline): string {
  if (broken) return 'the old one could not be read';
  if (!before) return 'there was none';
  const other = mismatch(before, now, now.stages);
  if (other) return other;
  const old = new Map(before.stages.map((stage) => [stageKey(stage), stage]));
  const count = { bits: 0, worse: 0, better: 0 };
  for (const stage of now.stages) {
    const was = old.get(stageKey(stage));
    if (!was) continue;
    if (was.hash !== stage.hash) count.bits++;
    if (stage.rel > was.rel) count.worse++;
    if (stage.rel < was.rel) count.better++;
  }
  return `of ${now.stages.length} stages ${count.bits} have other bits, ${count.worse} are further from the reference, ${count.better} are nearer`;
}
