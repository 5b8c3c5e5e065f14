/** Headers whose values are credentials, by their names. */
const SECRET = /auth|cookie|credential|key|passw|secret|session|signature|token/i;

/** Whether the value of a header is a secret, as far as its name tells. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name);
}
