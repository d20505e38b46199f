/** Gives the user a file, by the browser's own way of downloading. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken the address over by then.
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 10_000);
}
