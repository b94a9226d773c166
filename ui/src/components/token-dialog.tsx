import { useState } from 'preact/hooks';
import { dismissQuestion, giveToken, type Question } from '../api/token';
import { Dialog } from './dialog';
import { Check, TextField } from './fields';

/** What can stand in a header of a request, without gaps: all that a token is made of. */
const TOKEN = /^[\x21-\x7e]+$/;

/** Asks for the token that something needs. */
export function TokenDialog({ asked }: { asked: Question }) {
  const [text, setText] = useState('');
  const [remember, setRemember] = useState(true);
  const [fault, setFault] = useState(asked.fault);
  const give = (event: Event) => {
    event.preventDefault();
    const given = text.trim();
    if (TOKEN.test(given)) giveToken(given, remember);
    else setFault('a token is one word of letters, digits and signs: paste all of it');
  };
  return (
    <Dialog title={`This needs a token with the scope ${asked.scope}`} onClose={dismissQuestion}>
      <form class="sheet-form" autocomplete="off" onSubmit={give}>
        <TextField
          title="Token"
          hint={`Who runs this server makes one: upto token NAME --scope ${asked.scope}`}
          secret
          autofocus
          value={text}
          fault={fault ?? undefined}
          onInput={setText}
        />
        <Check checked={remember} onChange={setRemember}>
          Remember for this tab
        </Check>
        <div class="actions">
          <button class="button is-primary" disabled={text.trim() === ''}>
            Go on
          </button>
          <button class="button" type="button" onClick={dismissQuestion}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
