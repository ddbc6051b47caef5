/** Packs one block of up to eight chunks. s counts halves of words in the source, t words in the target, which is all zero. */
export type Packer = (source: Uint16Array, s: number, target: Uint32Array, t: number, chunks: number) => void;

/** Two halves of the source as a word. */
export function word(source: Uint16Array, s: number): number {
  return (source[s] as number) | ((source[s + 1] as number) << 16);
}

export function or(target: Uint32Array, t: number, bits: number): void {
  target[t] = (target[t] as number) | bits;
}

/** Words as they are, four if it is not said how many. */
export function putWords(target: Uint32Array, t: number, source: Uint16Array, s: number, count = 4): void {
  for (let i = 0; i < count; i++) target[t + i] = word(source, s + i * 2);
}

/** The i-th of the halves that begin at word t. */
export function putHalf(target: Uint32Array, t: number, i: number, source: Uint16Array, s: number): void {
  or(target, t + (i >> 1), (source[s] as number) << ((i & 1) * 16));
}

/** Two chunks in a row whose nibbles share 32 bytes. */
export function putPair(target: Uint32Array, t: number, source: Uint16Array, s: number): void {
  putNibbles(target, t, t + 4, source, s);
}

/**
 * 32 bytes with one chunk in the low nibbles and another in the high become two times 16 bytes, each with the first half of a chunk
 * in the low nibbles and the second half in the high: as Q4_0 has it.
 */
export function putNibbles(target: Uint32Array, low: number, high: number, source: Uint16Array, s: number): void {
  for (let i = 0; i < 4; i++) {
    const first = word(source, s + i * 2);
    const second = word(source, s + 8 + i * 2);
    target[low + i] = (first & 0x0f0f0f0f) | ((second & 0x0f0f0f0f) << 4);
    target[high + i] = ((first >>> 4) & 0x0f0f0f0f) | (second & 0xf0f0f0f0);
  }
}

/** 32 bits in a row, four at a time into four bytes: bit 4·i + j becomes bit i of byte j. */
export function spreadBits(bits: number): number {
  let spread = 0;
  for (let i = 0; i < 8; i++) {
    const four = (bits >>> (i * 4)) & 15;
    spread |= (Math.imul(four, 0x00204081) & 0x01010101) << i;
  }
  return spread;
}
