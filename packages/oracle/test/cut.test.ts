import { seeded } from '@llama-probe/testing';
import { expect, test } from 'vitest';
import { cutTo } from '../src/variants/output.js';

const random = seeded();
/** Of every size that both formats have, and just below a power of two, where numbers begin to lie closer. */
const values = [
  ...Array.from({ length: 2000 }, () => (random() - 0.5) * 2 ** Math.floor(random() * 60 - 45)),
  ...Array.from({ length: 40 }, (_, i) => 2 ** (i - 25) * (1 - 2 ** -20)),
  ...[0, -0, 1, -1, 3.14, 65504, 2 ** -24],
].map(Math.fround);

test('to bf16 drops the lower half of the bits', () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (const value of values) {
    float[0] = value;
    bits[0] = (bits[0] as number) & 0xffff0000;
    expect(cutTo(value, 'bf16'), `${value}, SEED=${random.seed}`).toBe(float[0]);
  }
});

test('to f16 is the largest half that is not larger', () => {
  const halves = Array.from({ length: 0x7c00 }, (_, bits) =>
    bits < 1024 ? bits * 2 ** -24 : (1 + (bits % 1024) / 1024) * 2 ** (Math.floor(bits / 1024) - 15),
  );
  for (const value of values) {
    let [low, high] = [0, halves.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((halves[middle] as number) <= Math.abs(value)) low = middle;
      else high = middle;
    }
    if (Math.abs(value) > 65504) continue;
    expect(Math.abs(cutTo(value, 'f16')), `${value}, SEED=${random.seed}`).toBe(halves[low]);
  }
});
