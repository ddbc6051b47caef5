import { measureFloors, RunFloors } from '@llama-probe/diff';
import { contentHash, type RoundTo } from '@llama-probe/reference';
import type { Looking } from '../asked.js';
import type { OpenJudge, Twins } from '../blame/judge.js';
import type { LimitOptions } from '../options.js';
import type { Plan } from '../plan.js';
import type { RunPlan, Side } from '../side.js';
import { cachePath, readCached, writeCached } from './cached.js';

/** What 16 bits at every stage make of llama.cpp, or why that is not known. */
export async function roundingFloors(
  format: RoundTo,
  candidate: Side,
  reference: Side,
  plan: Plan,
  { floors }: LimitOptions,
  judges: OpenJudge,
  { progress, signal, clock }: Looking,
): Promise<RunFloors | { readonly why: string }> {
  if (floors === false) return { why: '--no-floors' };
  progress.say(`measuring what an engine in ${format} makes of these tokens`);
  try {
    const twins = await judges.openTwins(reference);
    if ('why' in twins) return twins;
    return await clock.during('floors', () => floorsOfRounding(twins, format, plan, candidate, signal), true);
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = error as { code?: unknown; message: string };
    if (typeof code !== 'string') throw error;
    return { why: message };
  }
}

/** How far llama.cpp is from itself with each of its stages rounded: on the candidate's tokens, or in the cache. */
async function floorsOfRounding(
  twins: Twins,
  format: RoundTo,
  plan: Plan,
  candidate: Side,
  signal: AbortSignal,
): Promise<RunFloors> {
  const run = await cutRun(plan, candidate);
  const { file, about } = twins.plain;
  const key = [
    'rounded',
    format,
    file && (await contentHash(file.path)),
    about.version,
    about.mode,
    about.cpuVariant,
    run,
  ];
  const path = cachePath(key);
  const known = file && (await readCached(path));
  if (known) return new RunFloors(known);
  const floors = new RunFloors();
  const [plain, other] = [twins.plain.run(run).tensors, twins.rounded.run({ ...run, round: format }).tensors];
  for await (const _ of measureFloors(plain, other, floors)) signal.throwIfAborted();
  if (file) await writeCached(path, floors);
  return floors;
}

/** A run as it was cut into a prompt and tokens after it, of every stage: a plan for two recorded runs takes all tokens at once. */
async function cutRun({ run }: Plan, { recorded }: Side): Promise<RunPlan> {
  const { tokens, steps, forcedTokens, ubatch } = run;
  const stages = run.stages === 'all' ? ('all' as const) : ('vocabulary' as const);
  if (!recorded || forcedTokens) return { tokens, steps, forcedTokens, ubatch, stages };
  const length = await recorded.promptLength();
  const decoded = tokens.slice(length);
  return { tokens: tokens.slice(0, length), steps: decoded.length, forcedTokens: decoded, stages };
}
