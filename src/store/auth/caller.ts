/** What a caller shows of himself. */
export interface Caller {
  /** What an earlier call to Authenticate gave. */
  readonly token: string | undefined;
  /** The common name of the client's certificate, where it has shown one. */
  readonly certificateName: string | undefined;
}
