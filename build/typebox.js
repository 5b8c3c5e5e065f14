// TypeBox as far as the program needs it when it runs: the JSON Schemas that it makes of the kinds of types that options
// are written in. A test holds the schema that comes of it against TypeBox's own, to the letter; what is missing here fails
// at the start.

const optional = Symbol('optional');

export const Type = {
  Object(properties, options) {
    const required = Object.keys(properties).filter((key) => properties[key][optional] === undefined);
    return { ...options, type: 'object', ...(required.length === 0 ? {} : { required }), properties };
  },
  Record: (key, value, options) => ({ ...options, type: 'object', patternProperties: { [key.pattern]: value } }),
  Array: (items, options) => ({ ...options, type: 'array', items }),
  Union: (anyOf, options) => ({ ...options, anyOf }),
  Literal: (value, options) => ({ ...options, const: value, type: typeof value }),
  String: (options) => ({ ...options, type: 'string' }),
  Integer: (options) => ({ ...options, type: 'integer' }),
  Number: (options) => ({ ...options, type: 'number' }),
  Boolean: (options) => ({ ...options, type: 'boolean' }),
  Null: (options) => ({ ...options, type: 'null' }),
  Unsafe: (schema) => ({ ...schema }),
  Optional: (schema) => ({ ...schema, [optional]: true }),
};
