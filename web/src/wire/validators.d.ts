/** What `vite-plugins/validators.ts` compiles from the JSON Schema of vp_contract. */
declare module 'virtual:message-validators' {
  export interface Failure {
    /** JSON pointer into the message. */
    readonly instancePath: string;
    readonly keyword: string;
    readonly params: Readonly<Record<string, unknown>>;
  }

  export interface Validator {
    /** Whether a message is what the schema says; sets the defaults of what it leaves out, removes what is not known. */
    (message: unknown): boolean;
    /** What is wrong with the last message, null if nothing is. */
    readonly errors?: readonly Failure[] | null;
  }

  export const runtime_config: Validator;
  export const grid_update: Validator;
  export const stream_end: Validator;
  export const error: Validator;
  export const history_end: Validator;
  export const speed: Validator;
}
