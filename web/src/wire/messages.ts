import * as validators from 'virtual:message-validators';
import type { Failure, Validator } from 'virtual:message-validators';

import { ContractVersionError, WireError } from './errors';
import type { RuntimeConfigMessage, ServerMessage } from './types';
import { CONTRACT_VERSION } from './types';

const MAJOR = /^(\d+)\.\d+$/;
const VALIDATORS: Readonly<Record<ServerMessage['type'], Validator>> = validators;

/**
 * Reads one text message of the server: holds it against the JSON Schema of the contract, sets defaults,
 * and removes members that this page does not know.
 *
 * @returns the message, or null for a type this page does not know (a newer server may send more).
 * @throws {WireError} when it is not JSON, or a field is missing or of another kind.
 * @throws {ContractVersionError} when a config is of another major version.
 */
export function parseServerMessage(text: string): ServerMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new WireError(`text message is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const type = typeOf(value);
  if (!isKnown(type)) return null;
  const message = value as ServerMessage;
  // Another major version is told as such, whatever else of it does not fit.
  if (type === 'runtime_config') checkVersion((message as RuntimeConfigMessage).contract_version);
  const holds = VALIDATORS[type];
  if (!holds(message)) throw new WireError(described(type, value, holds.errors?.[0]));
  if (message.type === 'runtime_config') checkRows(message);
  return message;
}

function typeOf(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError(`message is ${shown(value)}; an object is expected`);
  }
  const { type } = value as { type?: unknown };
  if (typeof type !== 'string')
    throw new WireError(`message.type is ${shown(type)}; a string is expected`);
  return type;
}

function isKnown(type: string): type is ServerMessage['type'] {
  return Object.hasOwn(VALIDATORS, type);
}

/** A newer minor version adds what this page does not know, and may be read; a major version changes meanings. */
function checkVersion(version: unknown): void {
  if (typeof version !== 'string') return; // the schema says what is wrong
  const ours = MAJOR.exec(CONTRACT_VERSION)?.[1];
  if (MAJOR.exec(version)?.[1] === ours) return;
  throw new ContractVersionError(
    `The server speaks version "${version}" of the stream's contract, this page ${ours}.x. ` +
      'Reload the page; if that does not help, the page and the server are of different releases.',
  );
}

function checkRows({ config, grid_rows: rows }: RuntimeConfigMessage): void {
  const { grid_radius_ticks: radius } = config;
  if (rows !== 2 * radius + 1) {
    throw new WireError(
      `runtime_config.grid_rows is ${rows}; a grid_radius_ticks of ${radius} needs ${2 * radius + 1}`,
    );
  }
}

/** What is wrong: the field's path, what it holds, and what is allowed. */
function described(type: string, message: unknown, failure: Failure | undefined): string {
  if (failure === undefined) return `${type} is not what the contract says`;
  const path = failure.instancePath.split('/').slice(1);
  const missing = failure.params.missingProperty;
  if (typeof missing === 'string') return `${[type, ...path, missing].join('.')} is missing`;
  const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], message);
  return `${[type, ...path].join('.')} is ${shown(value)}; ${allowed(failure)} is expected`;
}

function allowed({ keyword, params }: Failure): string {
  if (keyword === 'minimum') return `at least ${String(params.limit)}`;
  if (keyword === 'maximum') return `at most ${String(params.limit)}`;
  if (keyword === 'pattern') return `text like ${String(params.pattern)}`;
  if (keyword === 'type') return KINDS[String(params.type)] ?? String(params.type);
  return `what the contract says of it (${keyword})`;
}

const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'an integer',
  number: 'a finite number',
  object: 'an object',
  string: 'a string',
};

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
