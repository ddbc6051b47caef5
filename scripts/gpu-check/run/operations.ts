import { KernelCache, prefersTextures, WEIGHT_TYPES } from '@llama-probe/engine/internal';
import {
  FOLDED,
  KERNELS,
  type Kernel,
  readsTexture,
  runKernel,
  type Shape,
  VALUES,
  type Values,
} from '@llama-probe/testing/kernels';
import { rounds } from './rounds.js';
import { counted, type Found, type Given, type Section } from './section.js';
import { type Outcome, suspects } from './suspects.js';

type Titled = Kernel & { readonly title: string };
interface Case {
  readonly kernel: Titled;
  readonly shape: Shape;
  readonly values: Values;
}

/** Every kernel but those of the products, each number of it held to float64, within what f32 arithmetic can be off. */
export const operations: Section = {
  name: 'operations',
  does: 'every kernel but products, each number beside float64',
  seconds: 85,
  isCompiledFast: true,
  run: checkOperations,
};

async function checkOperations({ opened, random, until, say }: Given): Promise<Found> {
  const all = kernelsOn(opened.now.info);
  const cases = rounds([...all.map(casesOf), foldedOn(opened.now.info.kind)]);
  const unseen = new Set(all);
  const wrong = new Map<Titled, string>();
  const reading: Outcome[] = [];
  let worst = { share: 0, title: '' };
  let done = 0;
  let [device, kernels] = [opened.now.device, new KernelCache(opened.now)];
  for (const { kernel, shape, values } of cases) {
    if (Date.now() > until) break;
    done++;
    if (wrong.has(kernel)) continue;
    say(`${done} of ${cases.length} cases, ${kernel.title}`);
    const problem = await opened.try(async (now) => {
      if (now.device !== device) [device, kernels] = [now.device, new KernelCache(now)];
      const outcome = await runKernel(device, kernels, kernel, shape, values, random);
      if (outcome.worst > worst.share) worst = { share: outcome.worst, title: kernel.title };
      return outcome.problem;
    });
    unseen.delete(kernel);
    const told = problem && `${kernel.title}: ${problem}; ${values}, ${JSON.stringify(shape)}`;
    if (told) wrong.set(kernel, told);
    if (kernel.reads) reading.push({ reads: WEIGHT_TYPES[kernel.reads].shader, adds: shaderOf(kernel), problem: told });
  }
  const cut = done < cases.length ? `; ${cases.length - done} of ${cases.length} cases left out, for want of time` : '';
  const numbers = { kernels: all.length, cases: done, ofCases: cases.length, worstOfAllowed: worst.share };
  const alone = [...wrong].filter(([kernel]) => !kernel.reads).map(([kernel, told]) => `${shaderOf(kernel)}: ${told}`);
  const names = [...alone, ...suspects(reading)];
  if (wrong.size > 0) {
    const line = `${counted(wrong.size, 'kernel')} of ${all.length} wrong${cut}`;
    return { verdict: 'wrong', line, wrong: names, numbers };
  }
  if (unseen.size > 0) {
    const line = `${counted(unseen.size, 'kernel')} of ${all.length} not looked at, for want of time; the others are right`;
    return { verdict: 'untold', line, wrong: [], numbers };
  }
  const line = `all ${all.length} right in ${done} cases; the worst number is off by ${worst.share.toFixed(2)} of what f32 may be (${worst.title})${cut}`;
  return { verdict: 'right', line, wrong: [], numbers };
}

/** Those that run on it. */
const kernelsOn = (info: Parameters<typeof prefersTextures>[0]): readonly Titled[] =>
  KERNELS.filter((kernel) => prefersTextures(info) || !readsTexture(kernel));

const shaderOf = ({ name }: Titled): string => `${name}.wgsl`;

/** Usual values at every size first. What looks rows up has no other values. */
const casesOf = (kernel: Titled): Case[] =>
  (kernel.name === 'get_rows' ? VALUES.slice(0, 1) : VALUES).flatMap((values) =>
    kernel.shapes.map((shape) => ({ kernel, shape, values })),
  );

/** More workgroups than a dimension has. A barrier for each of 65537 takes SwiftShader 20 s: there, only the kernel without. */
const foldedOn = (adapter: string): Case[] =>
  (adapter === 'swiftshader' ? FOLDED.slice(0, 1) : FOLDED).flatMap(({ name, shape }) => {
    const kernel = KERNELS.find((one) => one.name === name);
    return kernel ? [{ kernel, shape, values: 'unit' as const }] : [];
  });
