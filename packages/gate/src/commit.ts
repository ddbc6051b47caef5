import { execFileSync } from 'node:child_process';

/** The commit of the repository that a folder is in, with `-dirty` behind it if files differ from it; null where there is none. */
export function commitOf(folder: string): string | null {
  const asked = ['-c', 'core.fsmonitor=false', 'describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
  try {
    return execFileSync('git', asked, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null; // no git, or no repository
  }
}
