import { render } from 'preact';
import { App } from './app';
import { startRouter } from './router';
import { applyTheme } from './state/preferences';
import './styles/tokens.css';
import './styles/base.css';
import './styles/lists.css';
import './styles/timeline.css';

applyTheme();
startRouter();
render(<App />, document.getElementById('page')!);
