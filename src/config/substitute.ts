import type { ScalarValue } from './nodes.js';

/** What stands for `${…}`: the environment, and files' texts. */
export interface Variables {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A file's text. Throws if it can not be read. */
  readonly readText: (path: string) => string;
}

export interface Substitution {
  readonly text: string;
  /** Whether the text held any `${…}` (an escaped one is none). */
  readonly substituted: boolean;
  /** How many characters have been put in; more than there was room for: not all that there are. */
  readonly put: number;
  readonly problems: readonly { readonly message: string; readonly suggestion: string | undefined }[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${file:PATH}`; `$${` becomes a literal `${`. As in a shell, the default
 * also stands for a variable that is set but empty. What is put in is not looked at again.
 *
 * @param room how many characters it may put in
 */
export function substitute(text: string, variables: Variables, room = Infinity): Substitution {
  const problems: { message: string; suggestion: string | undefined }[] = [];
  let substituted = false;
  const problem = (message: string, suggestion?: string) => {
    problems.push({ message, suggestion });
    return '';
  };
  let put = 0;
  const result = text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (found: string, inner: string | undefined, end: string) => {
    if (inner === undefined) return '${';
    substituted = true;
    const value = put > room ? '' : valueOf(found, inner, end);
    put += value.length;
    return put > room ? '' : value;
  });
  return { text: result, substituted, put, problems };

  function valueOf(found: string, inner: string, end: string): string {
    if (end === '') return problem(`'${found}' has no closing brace`, 'write $${ for a literal ${');
    if (inner.startsWith('file:')) return fromFile(inner.slice('file:'.length), variables, problem);
    const at = inner.indexOf(':-');
    const name = at < 0 ? inner : inner.slice(0, at);
    const byDefault = at < 0 ? undefined : inner.slice(at + 2);
    if (!NAME.test(name)) {
      return problem(
        `'${found}' names no variable`,
        'write ${NAME}, ${NAME:-default} or ${file:PATH}; $${ for a literal ${',
      );
    }
    const value = Object.hasOwn(variables.env, name) ? variables.env[name] : undefined;
    if (byDefault !== undefined) return value === undefined || value === '' ? byDefault : value;
    return value ?? problem(`the variable ${name} is not set`, `set it, or give a default: \${${name}:-default}`);
  }
}

function fromFile(path: string, variables: Variables, problem: (message: string) => string): string {
  try {
    return variables.readText(path).trim();
  } catch (error) {
    return problem(`'${path}' can not be read: ${reasonOf(error)}`);
  }
}

/** Why a file could not be read, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'ELOOP') return 'its symbolic links lead round in a circle';
  if (error instanceof Error && 'syscall' in error) return `the system says ${String(code)}`;
  return error instanceof Error ? error.message : String(error);
}

/** Types a plain scalar as YAML 1.2's core schema does. */
export function retype(text: string): ScalarValue {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^[-+]?[0-9]+$/.test(text) || /^0x[0-9a-fA-F]+$/.test(text) || /^0o[0-7]+$/.test(text)) return Number(text);
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return Number(text);
  return text;
}
