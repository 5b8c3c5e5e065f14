import { Type, type Static } from '@sinclair/typebox';
import { flag } from '../policies/rules/option-types.js';

const file = (description: string) =>
  Type.Optional(
    Type.String({ description: `${description}, from the folder of the policy file.`, unit: 'file', minLength: 1 }),
  );

/** How connections to an upstream are secured. Files are PEM. */
export const TlsOptions = Type.Object(
  {
    ca: file("A file with the authorities that are trusted, instead of the system's"),
    cert: file("A file with the client's certificate"),
    key: file("A file with the client's key"),
    serverName: Type.Optional(
      Type.String({
        description: "The name the certificate must have, if not the endpoint's.",
        unit: 'text',
        minLength: 1,
      }),
    ),
    verify: flag(true, "Whether the upstream's certificate is checked."),
  },
  { additionalProperties: false, description: 'How connections to the upstream are secured.' },
);
export type TlsOptions = Static<typeof TlsOptions>;
