// Where the app is: below which tenant, in which version. Names of storage carry the tenant's path,
// since tenants may share an origin.

/** The tenant's base, with its final slash. */
export const BASE = new URL('../../../', import.meta.url);
/** The page's own address. */
export const HOME = new URL('authenticator/', BASE);
/** What storage of this tenant is called. */
export const STORE = `aizuchi-authenticator:${BASE.pathname}`;
/** The folder of this version's files. */
export const FILES = new URL('./', import.meta.url);
