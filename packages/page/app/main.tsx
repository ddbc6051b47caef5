import { render } from 'preact';
import { openRun, readData } from './model.js';
import './style.css';
import { App } from './views/app.js';

const data = readData(document.getElementById('data')?.textContent ?? '{"runs":[]}');
const place = document.getElementById('app');
if (place) render(<App data={data} runs={data.runs.map(openRun)} />, place);
