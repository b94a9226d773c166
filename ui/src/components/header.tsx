import type { ComponentChildren } from 'preact';
import { forgetToken, token } from '../api/token';
import { FUNCTIONS_PATH } from '../router';
import { nextTheme, theme, type Theme } from '../state/preferences';
import { HelpIcon, Logo, MoonIcon, SunIcon, SystemIcon } from './icons';

const THEME_ICONS = { system: SystemIcon, light: SunIcon, dark: MoonIcon };
const THEME_TEXTS: Record<Theme, string> = {
  system: 'Colours: as the system',
  light: 'Colours: light',
  dark: 'Colours: dark',
};

interface HeaderProps {
  /** Which part of the page is shown. */
  part: 'contexts' | 'functions' | null;
  trail: ComponentChildren;
  onHelp: () => void;
}

/** The bar at the top of every page: where one is, and what works everywhere. */
export function Header({ part, trail, onHelp }: HeaderProps) {
  const ThemeIcon = THEME_ICONS[theme.value];
  return (
    <header class="top">
      <nav class="trail" aria-label="Where you are">
        <a class="brand" href="/" aria-label="upto, all contexts">
          <Logo />
          <span>upto</span>
        </a>
        {trail}
      </nav>
      <nav class="parts" aria-label="Parts">
        <a class="part" href="/" aria-current={part === 'contexts' ? 'true' : undefined}>
          Contexts
        </a>
        <a class="part" href={FUNCTIONS_PATH} aria-current={part === 'functions' ? 'true' : undefined}>
          Functions
        </a>
      </nav>
      {token.value !== null && (
        <button class="button is-quiet" onClick={forgetToken} title="Go on without the token of this tab">
          Forget token
        </button>
      )}
      <button class="button is-quiet" onClick={nextTheme} title={THEME_TEXTS[theme.value]}>
        <ThemeIcon />
        <span class="hidden-text">{THEME_TEXTS[theme.value]}</span>
      </button>
      <button class="button is-quiet" onClick={onHelp} title="Keys (?)">
        <HelpIcon />
        <span class="hidden-text">Keys</span>
      </button>
    </header>
  );
}

/** One step of the trail. */
export function Crumb({ href, children }: { href?: string; children: ComponentChildren }) {
  return (
    <>
      <span class="crumb-gap" aria-hidden="true">
        /
      </span>
      {href === undefined ? (
        <span class="crumb" aria-current="page">
          {children}
        </span>
      ) : (
        <a class="crumb" href={href}>
          {children}
        </a>
      )}
    </>
  );
}
