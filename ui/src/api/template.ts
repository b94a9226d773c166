/**
 * Fills the two forms of URI template (RFC 6570) that the API uses: `{var}` inside a path and `{?a,b}` at
 * its end. Variables without a value disappear.
 */
export function expand(template: string, values: Record<string, string | undefined>): string {
  return template.replace(/\{(\??)([^{}]*)\}/g, (_, query: string, names: string) => {
    const given = names.split(',').filter((name) => values[name] !== undefined);
    if (query === '') return given.map((name) => encodeURIComponent(values[name]!)).join(',');
    const pairs = given.map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(values[name]!)}`);
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  });
}

/** `href` with one query parameter set. */
export function withQuery(href: string, name: string, value: string): string {
  const [path, query = ''] = href.split('?', 2) as [string, string?];
  const parameters = new URLSearchParams(query);
  parameters.set(name, value);
  return `${path}?${parameters}`;
}
