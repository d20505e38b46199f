/** What the server sent cannot be read: says which message, which field, and what was expected. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
