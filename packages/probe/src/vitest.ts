import type { Report } from '@llama-probe/comparison';
import { textReport } from '@llama-probe/report';
import { expect } from 'vitest';

/**
 * `import 'llama-probe/vitest'` adds it to Vitest's `expect`: a report agrees, or the test fails with the whole report as its message.
 *
 * @example expect(await compare(mine, reference)).toAgree();
 */
expect.extend({
  toAgree(received: unknown) {
    if (!isReport(received)) {
      const found = received instanceof Promise ? 'a promise: await it first' : String(received);
      throw new TypeError(`toAgree wants a report, as compare() of llama-probe resolves to; found ${found}.`);
    }
    return {
      pass: received.verdict === 'agree',
      message: () => `${textReport(received, { colors: false })}\n`,
    };
  },
});

const isReport = (value: unknown): value is Report =>
  typeof value === 'object' && value !== null && 'verdict' in value && 'stages' in value;

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: as Vitest declares it
  interface Matchers<T = any> {
    /** The two sides of a comparison agree. */
    toAgree(): T;
  }
}
