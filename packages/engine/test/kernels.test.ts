import {
  type AdapterKind,
  KernelCache,
  type OpenedAdapter,
  openAdapter,
  shaderSource,
} from '@llama-probe/engine/internal';
import { inShort, isLong, seeded } from '@llama-probe/testing';
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
import { afterAll, describe, expect, test } from 'vitest';
import { MUTATIONS } from './mutations.js';

const random = seeded();
const { seed } = random;

// SwiftShader comes from npm for linux-x64 only; its exp and its division are the least exact that there are.
const adapters: Array<AdapterKind | 'auto'> =
  process.platform === 'linux' && process.arch === 'x64' ? ['auto', 'swiftshader'] : ['auto'];
const opened = await Promise.all(adapters.map((adapter) => openAdapter({ adapter })));
afterAll(() => {
  for (const adapter of opened) adapter.close();
});

describe.each(opened.map((adapter) => ({ name: adapter.info.name, ...adapter })))(
  'on $name',
  ({ name, info, device, check }) => {
    const kernels = new KernelCache({ device, info });
    const asOnGpu = new KernelCache({ device, info: { ...info, class: 'gpu' } });
    const withTextures = new KernelCache({ device, info: { ...info, kind: 'llvmpipe' } });

    // It takes long to compile, and forward.test.ts runs whole models on it: where there is another adapter, some of them.
    const some = info.kind === 'swiftshader' && opened.length > 1 ? inShort(KERNELS, 16) : KERNELS;
    test.each(some)('$title is its twin', async (kernel) => {
      let worst = 0;
      for (const shape of kernel.shapes) {
        for (const values of kernel.name === 'get_rows' ? VALUES.slice(0, 1) : VALUES) {
          for (const each of readsTexture(kernel)
            ? [withTextures]
            : sharesRows(kernel)
              ? [kernels, asOnGpu]
              : [kernels]) {
            const outcome = await runKernel(device, each, kernel, shape, values, random);
            check();
            const about = `${kernel.title} ${values} ${JSON.stringify(shape)}, ${each.rowThreads} threads, SEED=${seed}`;
            expect(outcome.problem, about).toBeUndefined();
            worst = Math.max(worst, outcome.worst);
          }
        }
      }
      if (process.env.VERBOSE)
        console.log(`${name}: ${kernel.title}: worst error ${worst.toFixed(3)} of what is allowed`);
    });

    // A barrier for each of 65537 workgroups takes SwiftShader 20 s: there, only the kernel without; how they are folded, no adapter decides.
    test.each(info.kind !== 'swiftshader' ? FOLDED : isLong || opened.length === 1 ? FOLDED.slice(0, 1) : [])(
      '$name is its twin in more than 65535 workgroups',
      async ({ name, shape }) => {
        const kernel = kernelsOf(name)[0] as Kernel;
        const { problem } = await runKernel(device, kernels, kernel, shape, 'unit', random);
        check();
        expect(problem, `SEED=${seed}`).toBeUndefined();
      },
    );
  },
);

describe('a kernel with one wrong operation is found', () => {
  const { device, info, check } = opened[0] as OpenedAdapter;

  test.each(inShort(MUTATIONS, 11))('%s: %s → %s', async (file, right, wrong) => {
    const source = shaderSource(`${file}.wgsl`);
    expect(source.split(right).length - 1, `how often ${file}.wgsl says ${right}`).toBe(1);
    const kernels = new KernelCache({ device, info: { ...info, kind: 'llvmpipe' } }, (name) =>
      name === `${file}.wgsl` ? source.replace(right, wrong) : shaderSource(name),
    );
    expect(await firstProblem(file, kernels), `SEED=${seed}`).toBeDefined();
    check(); // it runs: it is wrong, not broken
  });

  async function firstProblem(file: string, kernels: KernelCache): Promise<string | undefined> {
    for (const { kernel, shape, values } of casesOf(file)) {
      const { problem } = await runKernel(device, kernels, kernel, shape, values, random);
      if (problem) return problem;
    }
    return undefined;
  }
});

/** On a CPU fewer threads do (kernels.ts). */
const sharesRows = ({ name }: Kernel): boolean => /^(rms_norm|soft_max)/.test(name);

/** A kernel that has a file before its own. */
const PART_OF: Readonly<Record<string, string>> = {
  tanh: 'soft_cap',
  fours: 'kq',
  twos: 'kq',
  ones: 'rms_norm',
  'data/sixteen': 'kqv_texture',
};

function* casesOf(file: string): Generator<{ kernel: Kernel; shape: Shape; values: Values }> {
  if (file === 'batch') {
    for (const { name, shape } of FOLDED.slice(1))
      yield { kernel: kernelsOf(name)[0] as Kernel, shape, values: 'unit' };
    return;
  }
  for (const kernel of kernelsOf(PART_OF[file] ?? file)) {
    for (const shape of kernel.shapes) for (const values of ['unit', 'large'] as const) yield { kernel, shape, values };
  }
}

const kernelsOf = (file: string): Kernel[] => KERNELS.filter(({ name }) => name === file);
