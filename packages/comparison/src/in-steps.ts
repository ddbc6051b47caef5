import { Dump, type RecordedRun, type Tensor } from '@llama-probe/dump';

/**
 * A run whose file has no steps, such as arrays that have a row for each token, with those after the prompt as what they are: decoded tokens,
 * a step each. They are kept in memory until their step comes.
 *
 * @param promptLength how many of its tokens are the prompt
 * @example inSteps(run, 5) // positions 0 to 4 are step 0, position 5 is step 1, …
 */
export function inSteps(run: RecordedRun, promptLength: number): RecordedRun {
  const decoded = run.metadata.tokens.length - promptLength;
  if (run instanceof Dump || run.excerpt || promptLength === 0 || decoded <= 0) return run;
  const note = `rows after the first ${promptLength} are decoded tokens: ${decoded} ${decoded === 1 ? 'step' : 'steps'}`;
  return {
    ...run,
    notes: [...run.notes, note],
    async *tensors() {
      const later: Tensor[][] = [];
      for await (const tensor of run.tensors()) {
        for (const part of tensor.step === 0 ? partsOf(tensor, promptLength) : [tensor]) {
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
