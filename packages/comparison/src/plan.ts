import { rowDigest, type Tensor } from '@llama-probe/dump';
import type { CompareAsk } from './asked.js';
import { UsageError } from './errors.js';
import type { Progress } from './progress.js';
import { tokenize } from './prompt.js';
import { allTokens, type RunPlan, type Side } from './side.js';

type Recorded = NonNullable<Side['recorded']>;

/** What both sides run. */
export interface Plan {
  /** Its stages and layers are those of the free run. */
  readonly run: RunPlan;
  /** Of both sides, prompt then decoded; they differ where two recorded runs do. */
  readonly tokens: { readonly candidate: readonly number[]; readonly reference: readonly number[] };
  /** What the report calls the run's tokens: the prompt's, or all of a recorded run. */
  readonly shown: readonly number[];
  readonly text?: string | undefined;
  /** What the reference chose and computed while nobody watched; undefined where its run is over. */
  readonly unwatched?: { readonly generated: readonly number[]; readonly logits: readonly string[] } | undefined;
}

/** The tokens of the recorded side, or of a prompt that the reference goes on from. */
export async function makePlan(
  candidate: Side,
  reference: Side,
  ask: CompareAsk,
  progress: Progress,
  signal: AbortSignal,
): Promise<Plan> {
  const { stages, layers } = ask;
  if (candidate.recorded && reference.recorded) {
    const tokens = ask.strict
      ? { candidate: candidate.recorded.tokens, reference: reference.recorded.tokens }
      : await commonSteps(candidate.recorded, reference.recorded);
    return { run: { tokens: tokens.reference, stages, layers, signal }, tokens, shown: tokens.reference };
  }
  const recorded = candidate.recorded ?? reference.recorded;
  if (recorded) {
    if (recorded.tokens.length === 0) {
      const what = 'the dump does not say which tokens were run, and the other side is to run them';
      throw new UsageError(
        `${what}. Give them: --tokens, "tokens" in the gate's configuration, or { tokens } to dump().`,
      );
    }
    const length = await recorded.promptLength();
    const { asked } = recorded;
    if (asked?.some((id, i) => id !== recorded.tokens[i])) {
      const tokens = { candidate: recorded.tokens.slice(0, length), reference: asked };
      return { run: { tokens: asked, steps: 0, stages, layers, signal }, tokens, shown: asked };
    }
    const [tokens, forcedTokens] = [recorded.tokens.slice(0, length), recorded.tokens.slice(length)];
    const run = { tokens, steps: forcedTokens.length, forcedTokens, ubatch: ask.ubatch, stages, layers, signal };
    for (const side of [candidate, reference]) side.check?.(run);
    return { run, tokens: { candidate: recorded.tokens, reference: recorded.tokens }, shown: recorded.tokens };
  }
  return freshPlan(candidate, reference, ask, progress, signal);
}

/** The tokens of two recorded runs; of one that goes on for more steps after the same prompt, those of the steps that both have. */
async function commonSteps(candidate: Recorded, reference: Recorded): Promise<Plan['tokens']> {
  const [one, other] = [candidate.tokens, reference.tokens];
  const length = Math.min(one.length, other.length);
  const isSame = one.slice(0, length).every((id, i) => id === other[i]);
  const differ = { candidate: one, reference: other };
  if (one.length === other.length || !isSame) return differ;
  const prompts = await Promise.all([candidate.promptLength(), reference.promptLength()]);
  return prompts[0] === prompts[1] ? { candidate: one.slice(0, length), reference: other.slice(0, length) } : differ;
}

/** Without being watched first: the tokens to feed both sides, and what the watched run is held to. */
async function freshPlan(
  candidate: Side,
  reference: Side,
  { prompt = { text: 'Hello', chat: false }, steps = 0, ubatch, stages = candidate.stages, layers }: CompareAsk,
  progress: Progress,
  signal: AbortSignal,
): Promise<Plan> {
  const { ids, text } = await tokenize(prompt, reference.text ?? candidate.text);
  for (const side of [candidate, reference]) side.check?.({ tokens: ids, steps });
  const capacity = ids.length + steps;
  const takes = [candidate, reference].flatMap((side) => side.ubatch?.(capacity) ?? []);
  const atOnce = Math.min(ids.length, ubatch ?? Number.POSITIVE_INFINITY, ...takes);
  progress.say(`${reference.about.name} decodes without being watched`);
  const free = reference.run({ tokens: ids, steps, ubatch: atOnce, stages: [], logits: true, signal });
  const logits: string[] = [];
  for await (const tensor of free.tensors) logits.push(digest(tensor));
  const { generated } = await free.result;
  const run = { tokens: ids, steps, forcedTokens: generated.slice(0, steps), ubatch: atOnce, stages, layers, signal };
  const all = allTokens(run);
  return { run, tokens: { candidate: all, reference: all }, shown: ids, text, unwatched: { generated, logits } };
}

/** Of a tensor's last row, bit for bit. */
export const digest = ({ values, width }: Tensor): string => rowDigest(values.subarray(-width));
