/** Relative RMS delta of what the right rows do not hide. 0 where nothing differs; NaN where a value is none. */
export function relativeDelta(values: ArrayLike<number>, right: Float32Array): number {
  let [delta2, right2] = [0, 0];
  right.forEach((want, i) => {
    const got = values[i] as number;
    if (Number.isNaN(want)) return;
    delta2 += (got - want) ** 2;
    right2 += want * want;
  });
  return delta2 === 0 ? 0 : Math.sqrt(delta2 / right2);
}
