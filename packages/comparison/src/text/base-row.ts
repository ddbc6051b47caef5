import type { LogProbs } from './score.js';

// Source of the format: llama.cpp, tools/perplexity/perplexity.cpp, which has it both ways. Little-endian, as the machines that write it.

/** Of a row: a scale and a least log-probability in f32, then 16 bits for each id, an even number of them. */
export const rowBytes = (vocabulary: number): number => HEAD + 4 * Math.ceil(vocabulary / 2);

const HEAD = 8;
const DEEPEST = 16; // nats below the highest, under which all are the same
const STEPS = 65535;

/** Log-probabilities of logits, in 16 bits. */
export function writeRow(logits: Float32Array): Uint8Array {
  const { fround } = Math;
  let [top, least] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const logit of logits) {
    if (logit > top) top = logit;
    if (logit < least) least = logit;
  }
  least = Math.max(least, fround(top - DEEPEST));
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  const scale = fround(fround(top - least) / STEPS);
  const bytes = new Uint8Array(rowBytes(logits.length));
  const view = new DataView(bytes.buffer);
  view.setFloat32(0, scale, true);
  view.setFloat32(4, fround(fround(least - top) - fround(Math.log(sum))), true);
  if (scale === 0) return bytes;
  const inverse = fround(1 / scale);
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > least) view.setUint16(HEAD + 2 * id, halfToEven(fround(inverse * fround(logit - least))), true);
  }
  return bytes;
}

export function readRow(bytes: Uint8Array, vocabulary: number): LogProbs {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [scale, least] = [view.getFloat32(0, true), view.getFloat32(4, true)];
  const row = new Float64Array(vocabulary);
  for (let id = 0; id < vocabulary; id++) row[id] = scale * view.getUint16(HEAD + 2 * id, true) + least;
  return row;
}

/** To the nearest whole number of two, the even one in the middle, as the processor rounds. */
function halfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return Math.min(STEPS, rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below);
}
