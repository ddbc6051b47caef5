/** What a name is by a pattern. */
export interface Matched {
  /** What {layer} stands for; undefined where the pattern does not have it. */
  readonly layer: number | undefined;
}

const SPECIAL = /[.*+?^${}()|[\]\\]/g;

/** Whether a name fits a pattern. @example matcher('model.{layer}.q')('model.3.q') → { layer: 3 } */
export function matcher(pattern: string): (name: string) => Matched | undefined {
  const [first = '', ...rest] = pattern.split('{layer}');
  const plain = (part: string) =>
    part
      .split('*')
      .map((text) => text.replace(SPECIAL, '\\$&'))
      .join('.*');
  // The same number wherever {layer} stands.
  const source = rest.reduce((sum, part, i) => `${sum}${i === 0 ? '(\\d{1,6})' : '\\1'}${plain(part)}`, plain(first));
  const expression = new RegExp(`^${source}$`, 's');
  return (name) => {
    const found = expression.exec(name);
    return found ? { layer: found[1] === undefined ? undefined : Number(found[1]) } : undefined;
  };
}
