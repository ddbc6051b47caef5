import type { RunPlan } from '../side.js';

/** What a program is told: what it is to run, and where its dump is to be. */
export interface Told {
  readonly model: string;
  readonly tokens: readonly number[];
  readonly steps: number;
  /** The most tokens that it is to compute at once; undefined for as it likes. */
  readonly chunk?: number | undefined;
  /** Those that are looked at; undefined for all. */
  readonly stages?: readonly string[] | undefined;
  readonly layers?: RunPlan['layers'];
  readonly out: string;
}

/** A placeholder of the command → the variable that has the same value. */
const VARIABLES = {
  model: 'PROBE_MODEL',
  tokens: 'PROBE_TOKENS',
  steps: 'PROBE_STEPS',
  chunk: 'PROBE_CHUNK',
  stages: 'PROBE_STAGES',
  layers: 'PROBE_LAYERS',
  out: 'PROBE_OUT',
} as const satisfies Record<keyof Told, string>;

/** The same in the program's environment. */
export const environmentOf = ({
  model,
  tokens,
  steps,
  chunk,
  stages = [],
  layers = [],
  out,
}: Told): Record<string, string> => ({
  [VARIABLES.model]: model,
  [VARIABLES.tokens]: tokens.join(),
  [VARIABLES.steps]: String(steps),
  [VARIABLES.chunk]: chunk === undefined ? '' : String(chunk),
  [VARIABLES.stages]: stages.join(),
  [VARIABLES.layers]: layers.join(),
  [VARIABLES.out]: out,
});

/** How a variable is written so that the shell takes its value as it is, by the quotes that it stands in. */
const QUOTED = {
  '': (name: string) => `"$${name}"`,
  '"': (name: string) => `$\{${name}}`,
  "'": (name: string) => `'"$${name}"'`,
} as const;

/**
 * The command with the variables in place of `{model}`, `{tokens}`, …: no value is ever part of the command, so none can be taken for one. What
 * follows a `$` or a `\` is the shell's, and so is what has no such name.
 *
 * @example filled('mine {model}') === 'mine "$PROBE_MODEL"'
 */
export function filled(command: string): string {
  let quote: keyof typeof QUOTED = '';
  return command.replace(/\\[\s\S]|\$\{|'|"|\{(\w+)\}/g, (part: string, name: string | undefined) => {
    if (name !== undefined) return Object.hasOwn(VARIABLES, name) ? QUOTED[quote](VARIABLES[name as keyof Told]) : part;
    // Between single quotes a backslash is one.
    if (part === quote || (quote === "'" && part === "\\'")) quote = '';
    else if (quote === '' && (part === '"' || part === "'")) quote = part;
    return part;
  });
}

/** What the program is called where it does not say so: its command up to what it is told. @example 'python3 mine.py' */
export function nameOf(command: string): string {
  const words = command.trim().split(/\s+/);
  const end = words.findIndex((word, i) => i > 0 && /^[-'"]?[-{$]/.test(word));
  return brief((end < 0 ? words : words.slice(0, end)).join(' '));
}

const LONGEST = 120; // characters

/** A command as a sentence can have it. */
export function brief(command: string): string {
  const line = command.trim().replace(/\s+/g, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
