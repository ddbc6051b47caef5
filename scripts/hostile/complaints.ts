/** What a command has left behind. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

// Whatever moves a cursor, changes colours or turns the direction of writing; line breaks and tabs are layout.
const RAW = /(?![\n\t])\p{Cc}|[\u061c\u2028-\u202e\u2066-\u2069\ufffe\uffff]/u;
const TRACE = /^ +at .+:\d+/m;
/** What an error of JavaScript says that nobody has caught. */
const UNCAUGHT =
  /Cannot (read|set|destructure)|is not (a function|iterable|defined)|Invalid (array|typed array) length|call stack|undefined/;
const CI_COMMAND = /^\s*(::|##\[)/m;
/** Of those in names.ts; others are what `--github` is asked for. */
const THEIR_COMMAND = /^\s*(::error file=a\.ts|##\[)/m;
const LONGEST = 400_000; // characters; a report of a thousand stages has fewer

/** What is wrong with how a command has ended on a file in which something is wrong; nothing where it said what it had to say. */
export function complaints({ code, stdout, stderr }: Ended, args: readonly string[] = []): string[] {
  const command = args.includes('--github') ? THEIR_COMMAND : CI_COMMAND;
  const found: string[] = [];
  const said = stderr.match(/^probe: /gm)?.length ?? 0;
  if (code !== 0 && code !== 1 && code !== 2) found.push(`exit code ${code}`);
  if (code === 1 && said > 0) found.push('a failure with the exit code of a divergence');
  if (code === 2 && said === 0 && stdout === '') found.push('exit code 2 without a word');
  if (said > 1) found.push('more than one message');
  for (const [name, text] of Object.entries({ stdout, stderr })) {
    if (RAW.test(text)) found.push(`a control character on ${name}: ${JSON.stringify(RAW.exec(text)?.[0])}`);
    if (TRACE.test(text)) found.push(`a trace on ${name}`);
    if (text.includes('This is a bug')) found.push('a bug of this tool');
    if (command.test(text)) found.push(`a line on ${name} that a CI takes for a command`);
    if (text.length > LONGEST) found.push(`${text.length} characters on ${name}`);
  }
  if (UNCAUGHT.test(stderr)) found.push(`an error of JavaScript: ${UNCAUGHT.exec(stderr)?.[0]}`);
  return found;
}
