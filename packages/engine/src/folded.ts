const MAX_WORKGROUPS = 65535;

/** So many workgroups, or a few more, in two dimensions, since one may be too short: kernels fold y back with folded_group(). */
export function folded(workgroups: number): [x: number, y: number] {
  const y = Math.max(1, Math.ceil(workgroups / MAX_WORKGROUPS));
  return [Math.ceil(workgroups / y), y];
}
