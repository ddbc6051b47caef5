import type { LimitRule } from '@llama-probe/diff';
import type { GgufFile } from '@llama-probe/engine';
import type { ReferenceMode } from '@llama-probe/reference';
import { NO_TWIN, openTwin, twinOf } from '../floors/choose.js';
import { ROUNDED_RULES, RULES, unmeasured } from '../floors/rules.js';
import { exactFits } from '../model.js';
import type { PrecisionChoice } from '../options.js';
import type { Progress } from '../progress.js';
import { llamaSide } from '../sides/llama.js';
import { Mean } from '../text/estimate.js';
import { klRule, limitsOf, type TextLimits } from '../text/limits.js';
import { logitsOf } from '../text/logits.js';
import type { TextReference } from '../text/reference.js';
import { logSumExp } from '../text/score.js';
import type { ServerOptions } from './options.js';
import type { ServerReport } from './report.js';
import { heldTo, type LogP, type Sparse } from './sparse.js';

export interface MeasuredFloor {
  readonly floor: ServerReport['floor'];
  readonly limits: TextLimits;
}

type Rows = ReadonlyMap<number, Float32Array>;

interface Noise {
  readonly method: string;
  readonly rule: LimitRule;
  rows(tokens: readonly number[]): Promise<Rows>;
}

/** ln softmax, of the ids that are asked for. */
export const logPOf = (logits: Float32Array): LogP => {
  const whole = logSumExp(logits);
  return (id) => (logits[id] as number) - whole;
};

/**
 * What a healthy server may differ by: llama.cpp against itself on the same tokens, of which only the ids are compared that the server names. Nobody can tell from
 * an answer what a server computes in. So, unless it is said, it may be bf16, or activations that are quantised where the weights are.
 */
export async function floorOfServer(
  { reference, side, chosen }: TextReference,
  file: GgufFile,
  options: ServerOptions,
  tokens: readonly number[],
  server: ReadonlyMap<number, Sparse>,
  right: Rows,
  progress: Progress,
  signal: AbortSignal,
): Promise<MeasuredFloor> {
  const { precision = 'auto' } = options;
  const noises = options.floors === false ? [] : await noisesOf();
  const measured: MeasuredFloor[] = [];
  for (const { method, rule, rows } of noises) {
    progress.say(`measuring the floor: ${method}`);
    const kl = new Mean();
    let max = 0;
    for (const [position, row] of await rows(tokens)) {
      const [theirs, ours] = [server.get(position), right.get(position)];
      if (!theirs || !ours) continue;
      const own = logPOf(row);
      const held = heldTo({ ...theirs, logP: theirs.ids.map((id) => own(id) as number) }, logPOf(ours));
      if (!held || !Number.isFinite(held.kl)) continue;
      kl.add(held.kl);
      max = Math.max(max, held.kl);
    }
    const limits = limitsOf(ruledIn(klRule(rule), options), kl, max);
    const floor = { method, meanKl: kl.count === 0 ? null : kl.estimate().value, maxKl: kl.count === 0 ? null : max };
    measured.push({ floor, limits });
  }
  const [widest] = measured.sort((a, b) => b.limits.position - a.limits.position);
  if (widest) {
    const mean = Math.max(...measured.map(({ limits }) => limits.mean));
    return { floor: widest.floor, limits: { ...widest.limits, mean } };
  }
  const rule = precision === 'f32' ? klRule(unmeasured(chosen.mode)) : UNMEASURED[precision];
  const why = options.floors === false ? '--no-floors' : NO_TWIN;
  return {
    floor: { method: `not measured: ${why}`, meanKl: null, maxKl: null },
    limits: limitsOf(ruledIn(rule, options), new Mean(), 0),
  };

  async function noisesOf(): Promise<readonly Noise[]> {
    const last = Math.max(0, ...server.keys());
    const run = { first: 0, last, signal };
    const rounded = (format: 'bf16' | 'f16'): Noise => ({
      method: `llama.cpp ${chosen.mode} against itself with every stage rounded to ${format}`,
      rule: ROUNDED_RULES[format],
      rows: (tokens) => logitsOf(side, { ...run, tokens, round: format }),
    });
    if (precision === 'bf16' || precision === 'f16') return [rounded(precision)];
    const twin = (mode: ReferenceMode, build: string, method: string, rule: LimitRule): Noise => ({
      method,
      rule,
      async rows(tokens) {
        const beside = await openTwin(reference, file, { mode, build }, progress.say, signal);
        try {
          return await logitsOf(llamaSide(beside, file, { mode, why: 'the floor' }), { ...run, tokens });
        } finally {
          await beside.close();
        }
      },
    });
    const found = await twinOf(reference, file);
    const usual = found ? [twin(found.mode, found.build, found.method, found.rule)] : [];
    if (precision === 'f32') return usual;
    const { mode, cpuVariant } = reference.info;
    const isQuantised = !/^(F32|F16|BF16)$/.test(reference.info.model.quantization);
    const other = mode === 'exact' ? 'native' : 'exact';
    const canRun = isQuantised && (other === 'native' || (await exactFits(file)).fits);
    const activations = canRun
      ? [twin(other, cpuVariant, `llama.cpp ${mode} against ${other}`, RULES.native)]
      : isQuantised
        ? usual
        : [];
    return [rounded('bf16'), ...activations];
  }
}

/** KL divergences, where nothing was measured. A heuristic: healthy engines in bf16 were at most 7e-3 from llama.cpp's exact numbers (docs/text.md), and two of them may be apart by four times that. */
export const UNMEASURED: Readonly<Record<PrecisionChoice, LimitRule>> = {
  auto: { margin: 9, minimum: 5e-2 },
  bf16: { margin: 9, minimum: 5e-2 },
  f16: { margin: 9, minimum: 1e-3 },
  f32: { margin: 9, minimum: 5e-5 },
};

export const ruledIn = (
  { margin, minimum }: LimitRule,
  options: Pick<ServerOptions, 'margin' | 'minimum'>,
): LimitRule => ({ margin: options.margin ?? margin, minimum: options.minimum ?? minimum });
