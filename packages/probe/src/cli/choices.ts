import { nearest } from '@llama-probe/comparison/ask';
import { type Argument, type Command, InvalidArgumentError, type Option } from 'commander';

/** Has a value that is none of the choices answered with the nearest one. */
export function suggestChoices(command: Command): void {
  for (const one of [...command.options, ...command.registeredArguments]) suggest(one);
}

function suggest(one: Option | Argument): void {
  const { argChoices: choices } = one;
  if (!choices) return;
  one.argParser((value: string) => {
    if (choices.includes(value)) return value;
    throw new InvalidArgumentError(`Did you mean ${nearest(value, choices)}? The choices are ${choices.join(', ')}.`);
  });
}
