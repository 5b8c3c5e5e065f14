/**
 * uri-host with an optional port (RFC 9110, 7.2; RFC 3986, 3.2.2): an address in brackets or a registered name, which may
 * be empty. No user info.
 */
const HOST =
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-._~!$&'()*+,;=]*)*)(?::\d{0,5})?$/;

/** Whether the value of a Host header, or an authority, is well-formed. */
export function isValidHost(host: string): boolean {
  return HOST.test(host);
}

/** A host as it is compared: in lower case and without its port. */
export function normalizeHost(host: string): string {
  // The colons inside brackets belong to the address.
  const bracket = host.lastIndexOf(']');
  const colon = host.indexOf(':', bracket + 1);
  return (colon === -1 ? host : host.slice(0, colon)).toLowerCase();
}
