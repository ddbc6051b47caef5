import type { Finding } from '@llama-probe/comparison/ask';

/** What an output makes of the runs that were asked for: a text, or bytes. */
export type Write = (findings: readonly Finding[]) => string | Uint8Array;

/** A form that a report is written in. */
interface Output {
  /** The option that asks for it: with a file, or without one for standard output. */
  readonly flag: `--${string}`;
  /** What the option's help says. */
  readonly what: string;
  /** Of the file that the terminal view proposes, and its line in the view's menu; null where the view does not offer it. */
  readonly view: { readonly ending: string; readonly what: string } | null;
  /** Loads what writes it. */
  readonly load: () => Promise<Write>;
}

/**
 * Every output that there is: an entry here, and a file that writes it. The options of the commands and the view's menu are made of this
 * table, so it loads nothing until an output is asked for.
 */
export const OUTPUTS = {
  html: {
    flag: '--html <file>',
    what: 'write the report as one page that opens anywhere',
    view: { ending: 'html', what: 'a page that opens anywhere' },
    load: async () => (await import('./page/html.js')).html,
  },
  markdown: {
    flag: '--markdown <file>',
    what: 'write a comment for a pull request',
    view: { ending: 'md', what: 'a comment for a pull request' },
    load: async () => (await import('./markdown/markdown.js')).markdown,
  },
  json: {
    flag: '--json',
    what: 'print one JSON object on stdout',
    view: { ending: 'json', what: 'everything, as one object' },
    load: async () => (await import('./json.js')).json,
  },
  junit: {
    flag: '--junit <file>',
    what: 'write JUnit XML, a test case per stage',
    view: { ending: 'xml', what: 'a result for CI, a case per stage' },
    load: async () => (await import('./junit/junit.js')).junit,
  },
  csv: {
    flag: '--csv <file>',
    what: 'write every stage as a row of CSV',
    view: { ending: 'csv', what: 'a row per stage' },
    load: async () => (await import('./tables/csv.js')).csv,
  },
  arrow: {
    flag: '--arrow <file>',
    what: 'write every stage as a row of an Arrow file, for DuckDB or polars',
    view: { ending: 'arrow', what: 'a row per stage, for DuckDB or polars' },
    load: async () => (await import('./tables/arrow.js')).arrow,
  },
  problems: {
    flag: '--problems <file>',
    what: 'write a line for each fault as compilers do (file:line: error: message), for an editor',
    view: null,
    load: async () => (await import('./problems.js')).problems,
  },
  github: {
    flag: '--github',
    what: 'print annotations for GitHub Actions, and write its job summary',
    view: null,
    load: async () => (await import('./github.js')).annotations,
  },
} as const satisfies Readonly<Record<string, Output>>;

type Table = typeof OUTPUTS;
export type OutputName = keyof Table;

/** Those whose option names a file. */
export type FileOutput = {
  [Name in OutputName]: Table[Name]['flag'] extends `${string} <file>` ? Name : never;
}[OutputName];

export const FILE_OUTPUTS = (Object.keys(OUTPUTS) as OutputName[]).filter((name): name is FileOutput =>
  OUTPUTS[name].flag.endsWith('<file>'),
);

/** Those that the terminal view offers. */
export type Export = { [Name in OutputName]: Table[Name]['view'] extends null ? never : Name }[OutputName];

export const EXPORTS = (Object.keys(OUTPUTS) as OutputName[]).filter(
  (name): name is Export => OUTPUTS[name].view !== null,
);

type Wanted = { [Name in FileOutput]?: string } & { [Name in Exclude<OutputName, FileOutput>]?: boolean };

/** Which outputs are wanted besides text. A file named `-` is standard output. */
export interface OutputOptions extends Wanted {
  /** A module of the user's that makes a report of its own. */
  reporter?: string;
  /** Where the reporter says that it writes to; standard output without it. */
  reporterFile?: string;
}

/** The files that are wanted, by output. */
export const filesIn = (options: OutputOptions): [FileOutput, string][] =>
  FILE_OUTPUTS.flatMap((name) => {
    const path = options[name];
    return path === undefined ? [] : [[name, path]];
  });

/** Whether an output takes standard output, so that the text report is not printed. */
export const takesStdout = (options: OutputOptions): boolean =>
  options.json === true ||
  (options.reporter !== undefined && (options.reporterFile ?? '-') === '-') ||
  filesIn(options).some(([, path]) => path === '-');
