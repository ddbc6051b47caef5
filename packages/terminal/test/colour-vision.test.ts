import { expect, test } from 'vitest';
import { DIM, INKS } from '../src/tones.js';

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/** What is seen without one kind of cone, of linear RGB. Source: Machado, Oliveira & Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency", severity 1. */
const VISIONS: Readonly<Record<string, Matrix>> = {
  'all three cones': [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  'no L cones (protanopia)': [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  'no M cones (deuteranopia)': [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  'no S cones (tritanopia)': [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** What the view says with one colour and not with the other. */
const PAIRS: readonly (readonly [string, Triple, string, Triple])[] = [
  ['wrong', INKS.vermillion.rgb, 'right', INKS.blue.rgb],
  ['wrong', INKS.vermillion.rgb, 'a value', INKS.sky.rgb],
  ['worse', INKS.vermillion.rgb, 'better', INKS.green.rgb],
  ['a fault', INKS.vermillion.rgb, 'what inherits from it, far away', INKS.grey.rgb],
  ['a fault', INKS.vermillion.rgb, 'dim text', DIM.rgb],
];

const times = (matrix: Matrix, [x, y, z]: Triple): Triple =>
  matrix.map(([a, b, c]) => Math.min(1, Math.max(0, a * x + b * y + c * z))) as unknown as Triple;

const linear = (rgb: Triple): Triple =>
  rgb.map((part) => {
    const c = part / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as unknown as Triple;

/** CIELAB, D65. Source: CIE 15:2004, with the primaries of IEC 61966-2-1. */
function lab([r, g, b]: Triple): Triple {
  const f = (t: number) => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** ΔE of 1976: 2.3 can just be told side by side. */
const LEAST = 20;

test.each(Object.entries(VISIONS))('what colours say is seen with %s', (_, matrix) => {
  for (const [one, a, other, b] of PAIRS) {
    const [p, q] = [a, b].map((rgb) => lab(times(matrix, linear(rgb)))) as [Triple, Triple];
    const distance = Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    expect(distance, `${one} and ${other}`).toBeGreaterThan(LEAST);
  }
});
