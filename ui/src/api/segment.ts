/** Says that the rest of a path segment is a name, whatever it looks like. */
const NAME_PREFIX = 'name:';

/**
 * A context as a segment of a path, of the API's and of the page's alike. Browsers resolve `.` and `..`
 * even where they are percent-encoded, so those are written as `name:.` and `name:..`, and so is what
 * begins with the prefix itself.
 */
export function contextSegment(context: string): string {
  const literal = context === '.' || context === '..' || context.startsWith(NAME_PREFIX);
  return (literal ? NAME_PREFIX : '') + encodeURIComponent(context);
}

/** The context that a segment names, or null where it names none. */
export function contextOfSegment(segment: string): string | null {
  try {
    const text = decodeURIComponent(segment);
    return (text.startsWith(NAME_PREFIX) ? text.slice(NAME_PREFIX.length) : text) || null;
  } catch {
    return null;
  }
}
