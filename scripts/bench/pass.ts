import { Engine } from '@llama-probe/engine';
import {
  Commands,
  createMulMat,
  createOperations,
  createState,
  forward,
  KernelCache,
  llamaConfig,
  llamaTensors,
  merged,
  type Operations,
  type openAdapter,
  openGguf,
  patiently,
  uploadModel,
} from '@llama-probe/engine/internal';
import { bestOfEach, type Line } from './clock.js';
import { measureForced } from './forced.js';
import type { Machine } from './machine.js';

type Opened = Awaited<ReturnType<typeof openAdapter>>;

/** The whole pass: against its products alone, recorded against not, and what memory it takes. */
export async function measurePass(opened: Opened, machine: Machine, path: string): Promise<Line[]> {
  const { device, info } = opened;
  const lines: Line[] = [];
  const file = await openGguf(path);
  const config = llamaConfig(file);
  const tensors = llamaTensors(file, config);
  const before = process.memoryUsage().rss;

  const begin = performance.now();
  const model = await uploadModel(device, info.kind, file, tensors);
  await patiently(device.queue.onSubmittedWorkDone());
  const upload = model.bytes / ((performance.now() - begin) / 1000);
  lines.push({
    name: 'weight upload',
    value: upload / 1e9,
    unit: 'GB/s',
    ratio: upload / machine.memory,
    of: 'host copies memory',
  });

  const mulMat = createMulMat(device, info);
  const kernels = new KernelCache(opened);
  for (const tokens of [1, 32]) {
    const state = createState(device, config, model, 64, tokens);
    device.queue.writeBuffer(state.batch, 0, Uint32Array.of(tokens, 0, tokens));
    const pass = (productsOnly: boolean) => async () => {
      const commands = new Commands(device);
      const all = createOperations(config, kernels, mulMat, commands, state.batch, { tokens, firstPosition: 0 });
      const op = productsOnly ? onlyProducts(all) : merged(all, commands, config, info.class);
      for (const _ of forward(op, model, state, () => {}));
      commands.submit();
      await patiently(device.queue.onSubmittedWorkDone());
    };
    await pass(false)();
    const [products, whole] = (await bestOfEach(7, [pass(true), pass(false)])) as [number, number];
    lines.push({
      name: `whole pass × ${tokens}`,
      value: whole * 1000,
      unit: 'ms',
      ratio: whole / products,
      of: 'its products alone',
      target: '<=1.10',
    });
  }
  opened.check();

  const engine = new Engine(opened, file, config, model);
  const prompt = Array.from({ length: 32 }, (_, i) => i + 1);
  const run = (tokens: number[], steps: number, record: boolean) => async () => {
    const { tensors, result } = engine.run({ tokens, steps, hook: { record: () => record } });
    for await (const _ of tensors);
    await result;
  };
  for (const record of [true, false]) await run(prompt, 2, record)();
  const turns = async (tokens: number[], steps: number) =>
    (await bestOfEach(7, [run(tokens, steps, false), run(tokens, steps, true)])) as [number, number];
  const [prefill, prefillTapped] = await turns(prompt, 0);
  lines.push({
    name: 'prefill of 32, every stage recorded',
    value: prefillTapped * 1000,
    unit: 'ms',
    ratio: prefillTapped / prefill,
    of: 'nothing recorded',
    target: '<=1.05',
  });
  const [decode, decodeTapped] = await turns([1], 8);
  lines.push({
    name: 'decode of 8, every stage recorded',
    value: decodeTapped * 1000,
    unit: 'ms',
    ratio: decodeTapped / decode,
    of: 'nothing recorded',
    target: '<=1.15',
  });

  const { weights, state, arena } = engine.memory;
  const peak = process.resourceUsage().maxRSS * 1024 - before;
  lines.push({
    name: 'peak memory of the process',
    value: peak / 1e6,
    unit: 'MB',
    ratio: peak / (weights + state + arena),
    of: 'weights + KV cache + arena',
  });

  lines.push(...(await measureForced(engine))); // after the peak: it keeps a run's rows in memory
  return lines;
}

/** The same pass with everything but the products left out. */
function onlyProducts(op: Operations): Operations {
  const nothing = () => {};
  return {
    ...op,
    getRows: nothing,
    rmsNorm: nothing,
    mul: nothing,
    ropeQ: nothing,
    ropeK: nothing,
    store: nothing,
    kq: nothing,
    softMax: nothing,
    kqv: nothing,
    add: nothing,
    swiglu: nothing,
  };
}
