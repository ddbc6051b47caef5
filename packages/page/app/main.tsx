import { render } from 'preact';

render(<h1>llama-probe</h1>, document.getElementById('app') as HTMLElement);
