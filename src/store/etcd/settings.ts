/** What a client of a store over the network is told: where the store is and how to be let in. */

export interface RemoteStoreSettings {
  /**
   * `host:port` of each member, with or without `http://` or `https://` before it. Without a scheme, `tls` decides.
   * They are tried in turn.
   */
  readonly endpoints: readonly string[];
  /** Given: connections without a scheme use TLS. */
  readonly tls?: TlsFiles | undefined;
  /** Given: every call carries a token, which is asked for when it is needed and when the store refuses the last. */
  readonly user?: StoreUser | undefined;
  /** Milliseconds a call may take when its caller says nothing else; the default is 5,000. */
  readonly callTimeoutMs?: number | undefined;
}

/** Paths of PEM files. They are read for each connection, so that a renewed certificate needs no restart. */
export interface TlsFiles {
  /** Who may have signed the store's certificate; absent: the authorities that Node knows. */
  readonly caFile?: string | undefined;
  /** This client's certificate and its key, where the store asks for one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** The name the store's certificate must have, where it is not the endpoint's host. */
  readonly serverName?: string | undefined;
}

export interface StoreUser {
  readonly name: string;
  readonly password: string;
}
