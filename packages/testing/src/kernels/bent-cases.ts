import { swiglu } from '@llama-probe/oracle';
import {
  DIVISION,
  exponential,
  FLUSH,
  type Kernel,
  type KernelCase,
  numbers,
  poison,
  relative,
  type Shape,
  U,
  wide,
} from './kernel-case.js';

/** How far tanh.wgsl may be off for an x that is itself off by so much of itself: at its slope, and by its own exp, sums and division. */
function errorOfTanh(x: number, ofX: number): number {
  const [t, a] = [Math.abs(Math.tanh(x)), Math.abs(x)];
  const e = Math.exp(-2 * a);
  return (1 - t * t) * a * ofX + t * (10 * U + DIVISION) + (2 * e * exponential(2 * a)) / (1 + e) ** 2;
}

const CAP = 50;

type Unshaped = Omit<Kernel, 'shapes'> & { title?: string };

/** x kept within ± CAP: logits, or scores, which have heads · n_kv in a row. */
const softCap = (of: 'logits' | 'scores'): Unshaped => ({
  name: 'soft_cap',
  title: `soft_cap of ${of}`,
  make(s, values, random) {
    const width = of === 'scores' ? s.heads * (s.first + s.tokens) : s.ff;
    const x = numbers(s.tokens * width, values, random, 1000);
    const want = wide(x).map((value) => CAP * Math.tanh(value / CAP));
    const bound = wide(x).map((value, i) => {
      const own = CAP * errorOfTanh(value / CAP, DIVISION);
      return own + Math.abs(want[i] as number) * 2 * U + (CAP + 1) * FLUSH;
    });
    const encode: KernelCase['encode'] = (op, on) =>
      of === 'scores' ? op.capScores(on('x'), CAP) : op.capLogits(on('x'), CAP);
    return { buffers: { x }, output: 'x', encode, want, bound };
  },
});

/** SwiGLU's largest error: exp counts by its share of the sum; then +, / and *. Beyond f32's range of exp it is 0. */
function errorOfSwiglu(y: number, g: number, up: number): number {
  if (g < -87) return Math.abs(y) + FLUSH;
  const share = exponential(g) / (1 + Math.exp(g));
  return Math.abs(y) * (share + U + DIVISION + U) + FLUSH * (1 + Math.abs(up));
}

/** What scales and bends rows. */
export const bentKernels = (shapes: readonly Shape[]): Array<Kernel & { title?: string }> =>
  (
    [
      {
        name: 'scale',
        make(s, values, random) {
          const x = numbers(s.tokens * s.embd, values, random);
          const factor = Math.fround(2 * random() - 3);
          const want = wide(x).map((value) => value * factor); // * is correctly rounded
          const encode: KernelCase['encode'] = (op, on) => op.scale(on('x'), factor);
          const bound = relative(want, U).map((error) => error + 3 * FLUSH);
          return { buffers: { x }, output: 'x', encode, want, bound };
        },
      },
      {
        name: 'heat',
        make(s, values, random) {
          const width = s.heads * s.headDim;
          const x = numbers(s.tokens * width, values, random);
          const temperature = Float32Array.from({ length: s.first + s.tokens }, () => 1 + random());
          const want = wide(x).map((value, i) => value * (temperature[s.first + Math.floor(i / width)] as number));
          const encode: KernelCase['encode'] = (op, on) => op.heat(on('x'), on('temperature'));
          const bound = relative(want, U).map((error) => error + 3 * FLUSH);
          return { buffers: { x, temperature }, output: 'x', encode, want, bound };
        },
      },
      softCap('logits'),
      softCap('scores'),
      {
        name: 'geglu',
        make(s, values, random) {
          const gate = numbers(s.tokens * s.ff, values, random, 100);
          const up = numbers(s.tokens * s.ff, values, random, 100);
          const inner = (g: number) => Math.sqrt(2 / Math.PI) * g * (1 + 0.044715 * g * g);
          const want = wide(gate).map((g, i) => 0.5 * g * (1 + Math.tanh(inner(g))) * (up[i] as number));
          // What is in tanh rounds six times, and its two constants once each; then +, and three products.
          const bound = wide(gate).map((g, i) => {
            const half = Math.abs(0.5 * g * (up[i] as number));
            const flush = FLUSH * (1 + Math.abs(g) + Math.abs(up[i] as number));
            return half * (errorOfTanh(inner(g), 8 * U) + U) + Math.abs(want[i] as number) * 3 * U + flush;
          });
          const encode: KernelCase['encode'] = (op, on) => op.geglu(on('gate'), on('up'));
          return { buffers: { gate, up }, output: 'gate', encode, want, bound };
        },
      },
      {
        name: 'swiglu_halves',
        make(s, values, random) {
          const xy = numbers(s.tokens * 2 * s.ff, values, random, 100);
          const half = (which: 0 | 1) => wide(xy).filter((_, i) => Math.floor(i / s.ff) % 2 === which);
          const [gate, up] = [half(0), half(1)];
          const want = swiglu(gate, up);
          const bound = want.map((y, i) => errorOfSwiglu(y, gate[i] as number, up[i] as number));
          const encode: KernelCase['encode'] = (op, on) => op.swigluHalves(on('y'), on('xy'));
          return { buffers: { xy, y: poison(want.length) }, output: 'y', encode, want, bound };
        },
      },
    ] satisfies Unshaped[]
  ).map((kernel) => ({ ...kernel, shapes }));
