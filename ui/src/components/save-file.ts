/** The browser reads what is saved after the click, and does not say when. */
const READ_MS = 60_000;

/** Has the browser save bytes as a file, as a link to a download does. */
export function saveFile(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_MS);
}
