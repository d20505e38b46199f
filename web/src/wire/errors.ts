/** What the server sent cannot be read: says which message, which field, and what was expected. */
export class WireError extends Error {
  override readonly name: string = 'WireError';
}

/** The server speaks another major version of the contract: nothing it sends can be trusted to mean what it says. */
export class ContractVersionError extends WireError {
  override readonly name = 'ContractVersionError';
}
