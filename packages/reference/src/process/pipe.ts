import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

/**
 * A pipe as a stream that may be destroyed without closing the pipe: Arrow's reader destroys what it has read to the
 * end of one Arrow stream, and the next run's stream comes through the same pipe.
 */
export function borrow(pipe: Socket): Readable {
  const pull = () => {
    const chunk: Buffer | null = pipe.read();
    if (chunk) lent.push(chunk);
    else if (pipe.readableEnded || pipe.destroyed) lent.push(null);
    else pipe.once('readable', pull);
  };
  const end = () => lent.push(null);
  const lent = new Readable({
    read: () => {
      pipe.off('readable', pull);
      pull();
    },
    destroy: (error, done) => {
      pipe.off('readable', pull).off('end', end).off('close', end);
      done(error);
    },
  });
  pipe.once('end', end).once('close', end);
  return lent;
}
