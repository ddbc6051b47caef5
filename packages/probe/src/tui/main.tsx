import { render, Text } from 'ink';

/** The terminal view. */
export function showTui(): void {
  render(<Text>llama-probe</Text>);
}
