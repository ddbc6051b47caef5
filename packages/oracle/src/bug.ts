import { caseOf, operationOf, roleOf, type StageCase } from './case.js';
import { onTheWay } from './graph/on-the-way.js';
import type { Variation } from './variation.js';

/** A known bug: what it says to a person, and every way of computing a stage with it. */
export interface Bug {
  /** kebab-case, such as `rope-halves`. */
  readonly id: string;
  readonly title: string;
  /** The stages that show it first. */
  readonly stages: readonly string[];
  /** What it changes, in one sentence. */
  readonly changes: string;
  /** Where to look in the user's own code, in one sentence. */
  readonly look: string;
  /** owner/repo#number, or a paper. */
  readonly source: string;
  /** Every form of it worth trying at this stage; none if it cannot occur. */
  variants(c: StageCase): Iterable<Variant>;
  readonly search?: Search;
  /** The form that is injected to demonstrate it; undefined if it cannot be injected here. */
  example(c: StageCase): Variation | undefined;
  /** Whether an engine that has it has it in one stage of a layer only: put into one more that is computed from the first, it would be undone. */
  readonly isInOneStage?: true;
  /** What a prompt or a run must have for it to show, such as "more than one position". */
  readonly needs?: string;
}

/** One form of a bug: how a stage is computed with it, and what a person is told of that. */
export interface Variant {
  readonly variation: Variation;
  readonly parameters?: Readonly<Record<string, number | string>>;
}

/** A parameter whose wrong value is looked for. */
export interface Search {
  /** GGUF's word for it, or the field's. */
  readonly name: string;
  range(c: StageCase): readonly [number, number];
  readonly scale: 'log' | 'linear' | 'integer';
  /** What the file says. */
  right(c: StageCase): number;
  variation(value: number, c: StageCase): Variation;
}

/** A bug from its facts alone: it has no variants at other stages, and its example is its first variant. */
export function bug(facts: Omit<Bug, 'example' | 'variants'> & { variants(c: StageCase): readonly Variant[] }): Bug {
  const variants = (c: StageCase): readonly Variant[] => {
    const at = caseFor(facts, c);
    if (!at || at === c) return at ? facts.variants(c) : [];
    return facts.variants(at).filter(({ variation }) => !variation.output); // which would be of the stage itself
  };
  return { ...facts, variants, example: (c) => variants(c)[0]?.variation };
}

/**
 * The case that a bug is of: the one at hand; or, where a stage is computed together with what nobody captured before it, what is computed on
 * the way, if that operation is there but once. undefined where the bug is of neither.
 */
export function caseFor({ stages }: Pick<Bug, 'stages'>, c: StageCase): StageCase | undefined {
  if (stages.includes(roleOf(c))) return c;
  const [, ...inner] = onTheWay(operationOf(c));
  const found = inner.find(({ role }) => role !== undefined && stages.includes(role));
  const alike = [...onTheWay(operationOf(c))].filter(({ op }) => op === found?.op);
  return found && alike.length === 1 ? caseOf(c, found) : undefined;
}

/** A variant for each value of a parameter. @example each('of', ['relu'], (of) => ({ activation: { of } })) */
export const each = <T extends number | string>(
  name: string,
  values: readonly T[],
  variation: (value: T) => Variation,
): Variant[] => values.map((value) => ({ variation: variation(value), parameters: { [name]: value } }));

/** The only variant, if a condition holds. */
export const only = (variation: Variation, when = true): Variant[] => (when ? [{ variation }] : []);

/** The source of a bug that has no public thread, but that everybody remembers. */
export const COMMON = 'common port error';
