import { useEffect, useState } from 'preact/hooks';
import { generation, question } from './api/token';
import { Crumb, Header } from './components/header';
import { KeysSheet } from './components/keys-sheet';
import { Name } from './components/name';
import { BlankPage } from './components/notice';
import { TokenDialog } from './components/token-dialog';
import { ContextsPage } from './pages/contexts';
import { FunctionPage } from './pages/function';
import { FunctionsPage } from './pages/functions';
import { NewFunctionPage } from './pages/new-function';
import { TimelinePage } from './pages/timeline';
import { TimelinesPage } from './pages/timelines';
import { pathOf, route, type Route } from './router';
import { isTyping } from './state/commands';

/** The page: what the address names, under a bar that tells where that is. */
export function App() {
  const [help, setHelp] = useState(false);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === '?' && !isTyping(event)) setHelp(true);
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, []);
  return (
    <>
      <Header part={partOf(route.value)} trail={<Trail route={route.value} />} onHelp={() => setHelp(true)} />
      <Page key={generation.value} route={route.value} />
      {help && <KeysSheet onClose={() => setHelp(false)} />}
      {question.value !== null && <TokenDialog asked={question.value} />}
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'contexts':
      return <ContextsPage />;
    case 'timelines':
      return <TimelinesPage key={route.context} context={route.context} />;
    case 'timeline':
      return <TimelinePage key={`${route.run} ${route.context}`} context={route.context} run={route.run} />;
    case 'functions':
      return <FunctionsPage />;
    case 'new-function':
      return <NewFunctionPage />;
    case 'function':
      return <FunctionPage key={route.name} name={route.name} tab={route.tab} />;
    case 'unknown':
      return (
        <BlankPage title="There is no such page">
          <p>
            <a href="/">All contexts</a>
          </p>
        </BlankPage>
      );
  }
}

function partOf({ page }: Route): 'contexts' | 'functions' | null {
  if (page === 'unknown') return null;
  return page === 'functions' || page === 'new-function' || page === 'function' ? 'functions' : 'contexts';
}

function Trail({ route }: { route: Route }) {
  if (route.page === 'timelines') {
    return (
      <Crumb>
        <Name text={route.context} />
      </Crumb>
    );
  }
  if (route.page === 'new-function') return <Crumb>new function</Crumb>;
  if (route.page === 'function') return <Crumb>{route.name}</Crumb>;
  if (route.page !== 'timeline') return null;
  return (
    <>
      <Crumb href={pathOf(route.context)}>
        <Name text={route.context} />
      </Crumb>
      <Crumb>{route.run === 'latest' ? 'newest run' : `#${route.run}`}</Crumb>
    </>
  );
}
