import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { getBytes } from '../api/client';
import { token } from '../api/token';
import { Name } from './name';

/** The browser reads what is saved after the click, and does not say when. */
const READ_MS = 60_000;

interface ApiLinkProps {
  href: string;
  /** What it is called as a file. */
  file: string;
  /** Whether the browser shows it in a new tab, where no token is needed, and not saves it. */
  inTab?: boolean;
  class?: string;
  children: ComponentChildren;
}

/** A link to something of the API. Links send no token: where there is one, it is asked for and saved as a file. */
export function ApiLink({ href, file, inTab = false, children, ...rest }: ApiLinkProps) {
  const [failure, setFailure] = useState('');
  const follow = async (event: Event) => {
    if (token.value === null) return;
    event.preventDefault();
    setFailure('');
    try {
      save(file, await getBytes(href));
    } catch (error) {
      setFailure((error as Error).message);
    }
  };
  const opens = inTab ? { target: '_blank', rel: 'noopener' } : { download: file };
  return (
    <>
      {failure !== '' && (
        <span class="fault" role="alert">
          <Name text={failure} />
        </span>
      )}
      <a {...rest} {...opens} href={href} onClick={follow}>
        {children}
      </a>
    </>
  );
}

function save(file: string, bytes: Uint8Array<ArrayBuffer>): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_MS);
}
