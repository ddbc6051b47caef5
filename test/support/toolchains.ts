import { spawnSync } from 'node:child_process';

/** Whether a compiler or an interpreter is installed. @param of what else it must be able to do, such as to import a module */
export const isInstalled = (command: string, of: readonly string[] = ['--version']): boolean =>
  spawnSync(command, [...of], { stdio: 'ignore' }).status === 0;

/** Runs a tool to its end. @throws Error with what it said, where it failed */
export function runTool(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, [...args], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${error ?? ''}${stdout}${stderr}`);
  return stdout;
}
