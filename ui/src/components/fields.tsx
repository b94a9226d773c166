import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Fault } from '../state/draft';
import { Name } from './name';

interface TextFieldProps {
  title: string;
  hint: string;
  value: string;
  onInput: (value: string) => void;
  placeholder?: string;
  numeric?: boolean;
  /** Whether nobody who looks over the shoulder may read it. */
  secret?: boolean;
  /** Whether it has the focus when its dialog opens. */
  autofocus?: boolean;
  /** What is wrong with the value. */
  fault?: string | undefined;
}

/** A line of text with its name above it and a hint below. */
export function TextField(props: TextFieldProps) {
  const { title, hint, value, onInput, placeholder, numeric, secret, autofocus, fault } = props;
  const id = useId();
  return (
    <div class="input-field">
      <label for={id}>{title}</label>
      <input
        id={id}
        {...(secret ? { type: 'password' as const } : { type: 'text' as const })}
        autofocus={autofocus}
        value={value}
        placeholder={placeholder}
        inputMode={numeric ? 'numeric' : 'text'}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        aria-describedby={`${id}-hint`}
        aria-invalid={fault !== undefined}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <p
        id={`${id}-hint`}
        class={fault === undefined ? 'hint' : 'fault'}
        role={fault === undefined ? undefined : 'alert'}
      >
        {fault ?? hint}
      </p>
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  title: string;
  hint: string;
  value: Value;
  options: readonly { value: Value; text: string }[];
  onChange: (value: Value) => void;
}

/** One of several values. */
export function Choice<Value extends string>({ title, hint, value, options, onChange }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div class="input-field">
      <label for={id}>{title}</label>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.value as Value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
      <p id={`${id}-hint`} class="hint">
        {hint}
      </p>
    </div>
  );
}

/** A choice of yes or no. */
export function Check({
  checked,
  onChange,
  children,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ComponentChildren;
}) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{children}</span>
    </label>
  );
}

/** Why something did not go, read out when it comes. */
export function FaultText({ fault, id }: { fault: Fault | null; id?: string }) {
  if (fault === null) return null;
  return (
    <p class="fault" role="alert" id={id}>
      {fault.line !== null && <b>Line {fault.line}. </b>}
      <Name text={fault.message} />
    </p>
  );
}
