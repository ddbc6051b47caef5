import { Dump, type RecordedRun, type Tensor } from '@llama-probe/dump';

/**
 * A run whose file has no steps, such as arrays that have a row for each token, with those after the prompt as what they are: decoded tokens,
 * a step each. They are kept in memory until their step comes.
 *
 * @param promptLength how many of its tokens are the prompt @param modelHeads of a run that does not say how many heads its scores have
 * @example inSteps(run, 5) // positions 0 to 4 are step 0, position 5 is step 1, …
 */
export function inSteps(run: RecordedRun, promptLength: number, modelHeads?: number): RecordedRun {
  const decoded = run.metadata.tokens.length - promptLength;
  if (run instanceof Dump || run.excerpt || promptLength === 0 || decoded <= 0) return run;
  const heads = run.metadata.shapes?.kq?.[0] ?? modelHeads;
  const all = run.metadata.tokens.length;
  const note = `rows after the first ${promptLength} are decoded tokens: ${decoded} ${decoded === 1 ? 'step' : 'steps'}`;
  return {
    ...run,
    notes: [...run.notes, note],
    async *tensors() {
      const later: Tensor[][] = [];
      for await (const tensor of run.tensors()) {
        for (const whole of tensor.step === 0 ? partsOf(tensor, promptLength) : [tensor]) {
          const part = heads && tensor.step === 0 && isOfScores(tensor) ? seenOnly(whole, heads, all) : whole;
          if (part.step === 0) {
            yield part;
            continue;
          }
          const step = later[part.step];
          if (step) step.push(part);
          else later[part.step] = [part];
        }
      }
      for (const step of later) yield* step ?? [];
    },
    close: () => run.close(),
  };
}

const isOfScores = ({ stage }: Tensor): boolean => stage === 'kq' || stage === 'kq_soft_max';

/** Scores without those of positions that come after the step: llama.cpp has none of them yet. */
function seenOnly(tensor: Tensor, heads: number, all: number): Tensor {
  const { positions, values, width } = tensor;
  const seen = 1 + (positions.at(-1) ?? 0);
  if (width !== heads * all || seen >= all) return tensor;
  const cut = new Float32Array(positions.length * heads * seen);
  for (let i = 0; i < positions.length * heads; i++) cut.set(values.subarray(i * all, i * all + seen), i * seen);
  return { ...tensor, width: heads * seen, values: cut };
}

/** The rows of the prompt, and those of each token after it. */
function* partsOf(tensor: Tensor, promptLength: number): Generator<Tensor> {
  const { positions, values, width } = tensor;
  const found = positions.findIndex((position) => position >= promptLength);
  const end = found < 0 ? positions.length : found;
  if (end > 0) yield { ...tensor, positions: positions.subarray(0, end), values: values.subarray(0, end * width) };
  for (const [i, position] of positions.subarray(end).entries()) {
    const row = end + i;
    yield {
      ...tensor,
      step: position - promptLength + 1,
      positions: Int32Array.of(position),
      values: values.slice(row * width, (row + 1) * width),
    };
  }
}
