import { visibleText } from '../model/text';

/** Text from outside: isolated from its surroundings' direction, with hidden characters shown as marks. */
export function Name({ text, class: className }: { text: string; class?: string }) {
  return <bdi class={className}>{visibleText(text)}</bdi>;
}

/** Labels of a timeline or an event as small tags. Web addresses are links. */
export function Labels({ labels }: { labels: Record<string, string> }) {
  const entries = Object.entries(labels);
  if (entries.length === 0) return null;
  return (
    <ul class="labels" aria-label="Labels">
      {entries.map(([key, value]) => (
        <li key={key} class="label">
          <Name text={key} class="label-key" />
          <LabelValue value={value} />
        </li>
      ))}
    </ul>
  );
}

function LabelValue({ value }: { value: string }) {
  if (!/^https?:\/\/[^\s]+$/.test(value)) return <Name text={value} class="label-value" />;
  return (
    <a class="label-value" href={value} target="_blank" rel="noopener noreferrer">
      <Name text={value} />
    </a>
  );
}
