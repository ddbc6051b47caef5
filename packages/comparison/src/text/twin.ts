import type { LimitRule } from '@llama-probe/diff';
import type { Precision } from '@llama-probe/dump';
import type { RoundTo } from '@llama-probe/reference';
import { NO_TWIN } from '../floors/choose.js';
import { ROUNDED_RULES, RULES, unmeasured } from '../floors/rules.js';
import type { Side } from '../side.js';
import { llamaSide } from '../sides/llama.js';
import { FloorMeter, type Twin } from './floor.js';
import { BASE_STEP, klRule } from './limits.js';
import { logitsOf } from './logits.js';
import { type TextRun, ubatchOf } from './run.js';
import type { Window } from './windows.js';

interface Known {
  readonly twin?: Twin;
  readonly rule: LimitRule;
  readonly why: string;
}

/**
 * The floor of a text: llama.cpp against another run of itself, as a comparison of stages has it. Of a candidate in 16 bits that run is llama.cpp with every
 * stage rounded; of log-probabilities from a file it is llama.cpp on this machine.
 *
 * @param format what the candidate computes in
 */
export async function floorMeter(run: TextRun, format: Precision): Promise<FloorMeter> {
  const { options, file, source, reference: lazy, progress, signal } = run;
  const { windows, base } = source;
  const rows = (side: Side, round?: RoundTo) => (window: Window) => {
    const { tokens, first, last } = window;
    return logitsOf(side, { tokens, first, last, ubatch: ubatchOf(run, tokens.length), round, signal });
  };
  const find = async (): Promise<Known> => {
    if (options.floors === false) {
      const mode = base || options.reference === 'native' ? 'native' : (await lazy.get()).chosen.mode;
      return { rule: unmeasured(mode), why: '--no-floors' };
    }
    const { reference, chosen, side, twin: kept } = await lazy.get();
    if (format !== 'f32') {
      const method = `llama.cpp ${chosen.mode} against itself with every stage rounded to ${format}`;
      return { twin: { method, rows: rows(side, format) }, rule: ROUNDED_RULES[format], why: '' };
    }
    if (base) {
      const method = `llama.cpp ${chosen.mode} (${reference.info.cpuVariant}) against ${base.path}`;
      return { twin: { method, rows: rows(side) }, rule: RULES.native, why: '' };
    }
    const found = await kept.choice();
    if (!found) return { rule: unmeasured(chosen.mode), why: NO_TWIN };
    const beside = await kept.open(found, progress.say);
    const other = llamaSide(beside, file, { mode: found.mode, why: 'the floor' });
    return { twin: { method: found.method, rows: rows(other) }, rule: found.rule, why: '' };
  };
  const { twin, rule, why } = await find();
  const inKl = klRule(rule);
  const limits = {
    margin: options.margin ?? inKl.margin,
    minimum: options.minimum ?? Math.max(inKl.minimum, base ? BASE_STEP : 0),
  };
  return new FloorMeter(limits, windows.length, twin, why);
}
