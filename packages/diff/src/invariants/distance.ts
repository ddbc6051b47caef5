/** ‖a − b‖ */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.sqrt(squares);
}

/** ‖a‖ */
export function norm(a: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] as number) ** 2;
  return Math.sqrt(squares);
}

/** Where a and b are farthest apart. */
export function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let index = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const delta = Math.abs((a[i] as number) - (b[i] as number));
    if (delta > largest) {
      largest = delta;
      index = i;
    }
  }
  return index;
}

/** Neither NaN nor an infinity. */
export function allFinite(a: ArrayLike<number>): boolean {
  for (let i = 0; i < a.length; i++) {
    const value = a[i] as number;
    if (value - value !== 0) return false;
  }
  return true;
}
