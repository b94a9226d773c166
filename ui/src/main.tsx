import { render } from 'preact';
import { App } from './app';
import { startRouter } from './router';
import { applyTheme } from './state/preferences';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/lists.css';
import './styles/timeline.css';
import './styles/chart.css';
import './styles/details.css';
import './styles/code.css';
import './styles/functions.css';
import './styles/forms.css';

applyTheme();
startRouter();
render(<App />, document.getElementById('page')!);
