import { dirname, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Watched } from './watched.js';

/** How long nothing must have been written: a file comes in pieces, and an editor or a change of branch writes several files. */
const SETTLED = 200; // ms

/**
 * Tells of files that have changed, once they are written. Files may be replaced, and may go and come back: the folders
 * that they are in are watched, since a watch on a file ends with it.
 *
 * @example
 * const files = await FileWatch.open(watchedBy(job));
 * const changed = await files.next(signal);
 */
export class FileWatch {
  private readonly changed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private listener: (() => void) | undefined;

  private constructor(
    private readonly watcher: FSWatcher,
    private readonly settled: number,
  ) {}

  /** Resolves when every later change will be seen. @param settled ms after the last write */
  static async open({ files, folders }: Watched, settled = SETTLED): Promise<FileWatch> {
    const wanted = new Set(files);
    const inFolder = (path: string): boolean =>
      folders.some((folder) => path === folder.path || path.startsWith(folder.path + sep));
    const places = new Set(files.map((file) => dirname(file)));
    const watcher = watch([...places, ...folders.map(({ path }) => path)], {
      ignoreInitial: true,
      // Neighbours of a watched file are not looked at: the folder may be a large one.
      ignored: (path) => !(wanted.has(path) || places.has(path) || inFolder(path)),
    });
    const self = new FileWatch(watcher, settled);
    const counts = (path: string): boolean =>
      wanted.has(path) || folders.some((folder) => inFolder(path) && path.endsWith(folder.ending));
    watcher.on('add', (path) => counts(path) && self.note(path));
    watcher.on('change', (path) => counts(path) && self.note(path));
    await new Promise<void>((resolve, reject) => {
      watcher.once('ready', resolve);
      watcher.once('error', reject);
    });
    watcher.on('error', () => {}); // a folder that is gone: it may come back
    return self;
  }

  /** Calls this at the next change; one function at a time. */
  onChange(listener: (() => void) | undefined): void {
    this.listener = listener;
    if (this.isSettled()) listener?.();
  }

  /** The files that have changed since they were last asked for, as soon as there are any; none once the signal fires. */
  async next(signal: AbortSignal): Promise<string[]> {
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        this.onChange(undefined);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
      else this.onChange(done);
    });
    const changed = [...this.changed].sort();
    this.changed.clear();
    return changed;
  }

  close(): Promise<void> {
    clearTimeout(this.timer);
    return this.watcher.close();
  }

  private isSettled(): boolean {
    return this.changed.size > 0 && this.timer === undefined;
  }

  private note(path: string): void {
    this.changed.add(path);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.listener?.();
    }, this.settled);
  }
}
