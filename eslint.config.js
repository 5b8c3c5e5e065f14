// Typed lint. What matters here beyond style: no promise is lost, time and chance come in as parameters, and imports
// go one way only. The table of rooms is shared with test/unit/import-direction.test.ts.
import { readFileSync } from 'node:fs';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const rooms = JSON.parse(readFileSync(new URL('test/support/rooms.json', import.meta.url), 'utf8'));

const CLOCK = 'Take a Clock (src/runtime/clock.ts) as a parameter: a test must be able to run without waiting.';
const RANDOM = 'Take a Random (src/runtime/random.ts) as a parameter: a test must be able to say what chance does.';

const timers = ['setTimeout', 'setInterval', 'setImmediate'];

/** Syntax that nobody may use. `as unknown as` is a cast that the compiler cannot check at all. */
const forbiddenSyntax = [
  {
    selector: "TSAsExpression > TSAsExpression[typeAnnotation.type='TSUnknownKeyword']",
    message: 'Narrow the type, or write a type guard.',
  },
];

/** Where time and chance must not be taken from the machine. */
const noRawTimeOrChance = {
  'no-restricted-globals': ['error', ...[...timers, 'performance'].map((name) => ({ name, message: CLOCK }))],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: CLOCK },
    { object: 'process', property: 'hrtime', message: CLOCK },
    ...[...timers, 'performance'].map((property) => ({ object: 'globalThis', property, message: CLOCK })),
    { object: 'Math', property: 'random', message: RANDOM },
  ],
};
const rawTimeSyntax = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
  { selector: "CallExpression[callee.name='Date']", message: CLOCK },
];
const rawTimeModules = ['node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({
  name,
  message: CLOCK,
}));

/** Imports of these rooms: `prefix` leads from the importing file to src, `../` from a folder and `./` beside it. */
function importsOf(names, prefix) {
  return `^${prefix}(?:${names.join('|')})(?:\\.js$|/)`;
}

/** What files of a room may not import at all, and what for its types only. A room is a folder of src, a file, or both. */
const importDirection = Object.entries(rooms).flatMap(([room, { imports, types }]) => {
  const others = Object.keys(rooms).filter((name) => name !== room && !imports.includes(name));
  const never = others.filter((name) => !types.includes(name));
  const table = 'see test/support/rooms.json';
  return [
    { files: [`src/${room}.ts`], prefix: '\\./' },
    { files: [`src/${room}/**/*.ts`], prefix: '(?:\\.\\./)+' },
  ].map(({ files, prefix }) => {
    const patterns = [];
    if (never.length > 0) {
      patterns.push({ regex: importsOf(never, prefix), message: `Not from ${room}, against the stream: ${table}.` });
    }
    if (types.length > 0) {
      const message = `From ${room} for its types only: ${table}.`;
      patterns.push({ regex: importsOf(types, prefix), allowTypeImports: true, message });
    }
    const paths = room === 'runtime' ? [] : rawTimeModules;
    return { files, rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths, patterns }] } };
  });
});

export default tseslint.config(
  { ignores: ['dist', '.build', 'node_modules'] },
  // No comment may switch a rule off: a rule that makes good code worse is changed here, for all, with a reason.
  { linterOptions: { noInlineConfig: true } },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-floating-promises': [
        'error',
        // node:test runs and reports what these register; nobody awaits them.
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite', 'before', 'after'] },
          ],
        },
      ],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: false } },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      'no-restricted-syntax': ['error', ...forbiddenSyntax],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'] }],
      'no-console': 'error',
      eqeqeq: 'error',
      // noUncheckedIndexedAccess makes every index `| undefined`; where the code above proves the value, `!` says so
      // more plainly than a branch that never runs.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Empty callbacks are how "nothing to do" is written for handlers and listeners.
      '@typescript-eslint/no-empty-function': 'off',
      // The TypeBox idiom: a schema and its type bear one name.
      '@typescript-eslint/no-redeclare': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'no-restricted-syntax': [
        'error',
        ...forbiddenSyntax,
        { selector: 'ExportDefaultDeclaration', message: 'Export by name, so that one thing has one name everywhere.' },
      ],
    },
  },
  {
    files: ['src/**/*.ts', 'test/unit/**/*.ts', 'test/conformance/**/*.ts'],
    // The dashboard runs in a browser; time.ts is the only home of time there.
    ignores: ['src/runtime/**', 'test/unit/runtime/**', 'src/admin/dashboard/time.ts'],
    rules: {
      ...noRawTimeOrChance,
      'no-restricted-syntax': [
        'error',
        ...forbiddenSyntax,
        ...rawTimeSyntax,
        { selector: 'ExportDefaultDeclaration', message: 'Export by name, so that one thing has one name everywhere.' },
      ],
    },
  },
  ...importDirection,
  {
    files: ['test/**/*.ts'],
    rules: {
      // `async` callbacks that only return are uniform in tests, and stubs of async interfaces seldom await.
      '@typescript-eslint/require-await': 'off',
      // node:assert narrows: of several alike lines, the first would need its `?.` and the others could not have it.
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  // A benchmark prints its table, an example what it does, and a check of CI what it found.
  { files: ['bench/**/*.ts', 'examples/**/*.ts', '.ci/*.js'], rules: { 'no-console': 'off' } },
  // Configuration files are not part of the TypeScript project.
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  prettier,
);
